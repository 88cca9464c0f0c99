# Once for all tests of an ordinary user: the user, whose systemd runs without a login.
id ordinary > /dev/null 2>&1 || useradd --create-home --shell /bin/sh ordinary
grep -q ordinary:300000: /etc/subuid ||
	usermod --add-subuids 300000-365535 --add-subgids 300000-365535 ordinary
loginctl enable-linger ordinary
until_ok systemctl is-active "user@$(id -u ordinary).service"
