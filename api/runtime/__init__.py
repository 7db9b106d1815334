"""Embedded servers, the roles of the service, and the supervisor that keeps them alive."""
