"""What is set aside for channels, and how far promises may go beyond what is there."""
