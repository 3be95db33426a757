"""One port for every gateway and one folder for each vendor: client, mapping, signature."""
