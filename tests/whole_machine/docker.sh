# Once for all tests of docker: the daemon with the tested runtime, and the image busybox.
mkdir -p /etc/docker
cat > /etc/docker/daemon.json <<-END
	{
	  "runtimes": { "tested": { "path": "$RUNTIME" } },
	  "default-runtime": "tested",
	  "live-restore": true
	}
END
systemctl restart containerd docker
until_ok docker info
docker info --format '{{.DefaultRuntime}} {{.CgroupDriver}} {{.CgroupVersion}}' | grep -x 'tested systemd 2'
small_root | docker import --change 'CMD ["sh"]' - busybox
