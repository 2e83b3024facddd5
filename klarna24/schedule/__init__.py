"""The crontab line and the systemd units that start the daily run. They are only text: nothing is installed."""
