"""What people and scripts read: tables, single lines, JSON documents."""
