//! `podman run --sdnotify=container`: systemd hears when a container is ready.

use crate::run::podman;

/// Listens as systemd does, until it hears that all is ready; podman itself names a main process before.
const LISTEN: &str = r#"
perl -MIO::Socket::UNIX -e '
    my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$ENV{DIR}/systemd") or die;
    alarm 20;
    while (defined $socket->recv(my $text, 500)) { print $text; last if $text =~ /READY/ }
' > "$DIR/heard" &
until_ok test -S "$DIR/systemd"
"#;

const READY: &str = r#"
use IO::Socket::UNIX;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => $ENV{NOTIFY_SOCKET}) or die;
$socket->send("READY=1");
sleep 1000;
"#;

#[test]
fn a_container_tells_that_it_is_ready() {
    podman(|w| {
        std::fs::write(w.dir().join("ready.pl"), READY).expect("ready.pl");
        w.sh(&format!(
            "{LISTEN}
            NOTIFY_SOCKET=$DIR/systemd podman run --detach --name box --sdnotify container \
                -v $DIR/ready.pl:/ready.pl debian perl /ready.pl > /dev/null
            wait
            cat $DIR/heard"
        ))
        .shows(&["READY=1"]);
        w.sh("podman inspect --format '{{.State.Status}}' box").prints("running");
    });
}
