"""The words of the HTTP API: requests, answers, and how they are read and written."""
