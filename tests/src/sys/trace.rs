//! A tracer that kills a command at one of its system calls, or makes that call fail (`ptrace(2)`).

use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// What happens at a system call.
#[derive(Clone, Copy, Debug)]
pub enum Blow {
    /// The process is killed, and the call not made.
    Kill,
    /// The call is not made, and fails with this errno.
    Fail(i32),
    /// Nothing: calls are only counted.
    Spare,
}

/// Which call of which process is hit.
#[derive(Clone, Copy, Debug)]
pub struct Strike {
    /// The command itself is 0, its children are counted in the order in which they are made.
    pub process: usize,
    /// The number of the call, from 1 on, in this process.
    pub call: usize,
    /// What happens.
    pub blow: Blow,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Report {
    /// The numbers of the calls of each process, up to an `execve` of a child.
    pub calls: Vec<Vec<i64>>,
    /// How the command ended, as `wait(2)` tells.
    pub status: i32,
    /// Whether it ended by itself.
    pub in_time: bool,
}

/// Lets the new process be traced by the thread that starts it.
pub fn allow(command: &mut Command) {
    let trace_me = || {
        request(i64::from(libc::PTRACE_TRACEME), 0, 0, 0);
        Ok(())
    };
    // SAFETY: the closure makes one system call, and allocates nothing.
    unsafe { command.pre_exec(trace_me) };
}

#[derive(Default)]
struct Tracee {
    index: usize,
    in_call: bool,
    struck: bool,
    /// A child that has become another program.
    other: bool,
}

/// Follows a command that was started after [`allow`], with its children, until it has ended. The
/// children that are left are let go by the end of the calling thread.
pub fn follow(pid: i32, strike: &Strike, limit: Duration) -> Report {
    let (done, waiting) = channel::<()>();
    let handle = pidfd_open(Pid::from_raw(pid).expect("a process id"), PidfdFlags::empty());
    let handle = handle.expect("open the command's pidfd");
    let watchdog = std::thread::spawn(move || {
        let late = waiting.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
        late && pidfd_send_signal(&handle, Signal::KILL).is_ok()
    });
    let mut report = Report::default();
    let mut tracees: HashMap<i32, Tracee> = HashMap::new();
    loop {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        let stopped =
            unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
        assert!(stopped > 0, "wait for a tracee");
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            tracees.remove(&stopped);
            if stopped == pid {
                report.status = status;
                break;
            }
            continue;
        }
        let tracee = tracees.entry(stopped).or_insert_with(|| {
            let options = libc::PTRACE_O_TRACESYSGOOD
                | libc::PTRACE_O_TRACEEXEC
                | libc::PTRACE_O_TRACEFORK
                | libc::PTRACE_O_TRACEVFORK
                | libc::PTRACE_O_TRACECLONE;
            request(i64::from(libc::PTRACE_SETOPTIONS), stopped, 0, options as usize);
            report.calls.push(Vec::new());
            Tracee { index: report.calls.len() - 1, ..Tracee::default() }
        });
        let signal = libc::WSTOPSIG(status);
        let mut deliver = 0;
        if signal == libc::SIGTRAP | 0x80 {
            at_call(stopped, tracee, strike, &mut report.calls);
        } else if status >> 16 == libc::PTRACE_EVENT_EXEC {
            tracee.other = tracee.index != 0;
        } else if status >> 16 == 0 && signal != libc::SIGTRAP && signal != libc::SIGSTOP {
            deliver = signal;
        }
        let go_on = if tracee.other { libc::PTRACE_CONT } else { libc::PTRACE_SYSCALL };
        request(i64::from(go_on), stopped, 0, deliver as usize);
    }
    drop(done);
    report.in_time = !watchdog.join().expect("the watchdog");
    report
}

fn at_call(pid: i32, tracee: &mut Tracee, strike: &Strike, calls: &mut [Vec<i64>]) {
    tracee.in_call = !tracee.in_call;
    if !tracee.in_call {
        if let (true, Blow::Fail(errno)) = (std::mem::take(&mut tracee.struck), strike.blow) {
            registers::set_result(pid, -i64::from(errno));
        }
        return;
    }
    let number = registers::call(pid);
    calls[tracee.index].push(number);
    if (tracee.index, calls[tracee.index].len()) != (strike.process, strike.call) {
        return;
    }
    match strike.blow {
        // SAFETY: only numbers are passed; the process is stopped, so its id is its own.
        Blow::Kill => drop(unsafe { libc::kill(pid, libc::SIGKILL) }),
        Blow::Fail(_) => {
            tracee.struck = true;
            registers::cancel(pid);
        }
        Blow::Spare => {}
    }
}

fn request(what: i64, pid: i32, address: usize, data: usize) -> i64 {
    // SAFETY: the requests used here take numbers only; a process that is gone is an error, which
    // the next wait tells as well.
    unsafe { libc::ptrace(what as _, pid, address, data) }
}

#[cfg(target_arch = "x86_64")]
mod registers {
    use super::request;

    const RAX: usize = 80;
    const ORIG_RAX: usize = 120;

    pub fn call(pid: i32) -> i64 {
        // SAFETY: a number from the tracee's user area is read.
        unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, pid, ORIG_RAX, 0) }
    }

    pub fn cancel(pid: i32) {
        request(i64::from(libc::PTRACE_POKEUSER), pid, ORIG_RAX, usize::MAX);
    }

    pub fn set_result(pid: i32, result: i64) {
        request(i64::from(libc::PTRACE_POKEUSER), pid, RAX, result as usize);
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod registers {
    pub fn call(_: i32) -> i64 {
        unimplemented!("only written for x86_64")
    }
    pub fn cancel(_: i32) {}
    pub fn set_result(_: i32, _: i64) {}
}
