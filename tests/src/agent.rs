//! An agent for seccomp user notification: takes listeners at a socket and answers their calls.

use std::io::{IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::Value;

use crate::sys::seccomp::{Answer, Notification, answer, receive_notification};

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    stop: UnixStream,
    thread: JoinHandle<Vec<Value>>,
}

impl Agent {
    /// Listens at a path; every call of every listener gets the answer of `decide`.
    pub fn listen(path: &Path, decide: fn(&Notification) -> Answer) -> Agent {
        let socket = UnixListener::bind(path).expect("bind the agent's socket");
        let (stop, stopped) = UnixStream::pair().expect("make a socket pair");
        let thread = std::thread::spawn(move || serve(&socket, &stopped, decide));
        Agent { stop, thread }
    }

    /// Ends the agent; the messages that came with listeners.
    pub fn messages(mut self) -> Vec<Value> {
        self.stop.write_all(b".").expect("stop the agent");
        self.thread.join().expect("the agent ends well")
    }
}

fn serve(
    socket: &UnixListener,
    stopped: &UnixStream,
    decide: fn(&Notification) -> Answer,
) -> Vec<Value> {
    let mut messages = Vec::new();
    let mut listeners: Vec<OwnedFd> = Vec::new();
    loop {
        let watched = [socket.as_fd(), stopped.as_fd()].into_iter();
        let watched = watched.chain(listeners.iter().map(AsFd::as_fd));
        let mut fds: Vec<_> =
            watched.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        poll(&mut fds, None).expect("wait for work");
        let events: Vec<_> = fds.iter().map(PollFd::revents).collect();
        if !events[1].is_empty() {
            return messages;
        }
        let mut ended = Vec::new();
        for (at, listener) in listeners.iter().enumerate() {
            if events[2 + at].contains(PollFlags::IN) {
                respond(listener, decide);
            } else if !events[2 + at].is_empty() {
                ended.push(at);
            }
        }
        ended.into_iter().rev().for_each(|at| drop(listeners.remove(at)));
        if !events[0].is_empty() {
            let (connection, _) = socket.accept().expect("accept a runtime");
            let (message, listener) = receive(&connection);
            messages.push(message);
            listeners.extend(listener);
        }
    }
}

/// The caller may die or be interrupted meanwhile; then there is nothing to answer.
fn respond(listener: &OwnedFd, decide: fn(&Notification) -> Answer) {
    if let Ok(call) = receive_notification(listener.as_fd()) {
        let _ = answer(listener.as_fd(), &call, decide(&call));
    }
}

/// The message of a runtime, and the listener that comes with it.
fn receive(connection: &UnixStream) -> (Value, Option<OwnedFd>) {
    let mut bytes = vec![0; 16 * 1024];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        connection,
        &mut [IoSliceMut::new(&mut bytes)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )
    .expect("receive a message");
    let listener = ancillary.drain().find_map(|item| match item {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    let text = &bytes[..received.bytes];
    (serde_json::from_slice(text).expect("the message is JSON"), listener)
}
