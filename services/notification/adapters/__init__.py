"""What talks to the outside: mail servers and push."""
