"""The month of a web shop on one page: gathered, closed, and written for people and scripts."""
