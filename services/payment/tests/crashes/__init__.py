"""Payment killed around its calls to gateways."""
