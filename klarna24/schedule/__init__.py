"""The crontab line and the systemd units that start the daily run."""
