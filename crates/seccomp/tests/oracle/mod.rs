//! libseccomp as the judge of what a profile means: a C program, compiled when a test needs it.
#![allow(dead_code, clippy::disallowed_methods, reason = "tests use parts, and start processes")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use seccomp::spec::{Condition, Profile};
use seccomp::{Arch, Instruction};

/// A running libseccomp.
pub struct Libseccomp {
    binary: PathBuf,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// How long the last program took it.
    pub took: Duration,
}

/// The error of a libseccomp that had to be ended.
const NO_ANSWER: i32 = -110;

/// `SCMP_ARCH_X32` of `seccomp.h`, which has no audit architecture of its own.
const X32_TOKEN: u32 = 0x4000_003e;

impl Libseccomp {
    /// Compiles and starts the program; says so and returns `None` where that is not possible.
    pub fn start() -> Option<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/libseccomp.c");
        let binary = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "libseccomp-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        let built = Command::new("cc")
            .args(["-O2", "-o"])
            .args([&binary, &source])
            .arg("-lseccomp")
            .stderr(Stdio::null())
            .status();
        if !built.is_ok_and(|status| status.success()) {
            skip("no C compiler with libseccomp's headers (Debian: libseccomp-dev)");
            return None;
        }
        Some(Self::run(binary))
    }

    fn run(binary: PathBuf) -> Self {
        let mut child = Command::new(&binary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the oracle");
        let requests = child.stdin.take().expect("its stdin");
        let answers = BufReader::new(child.stdout.take().expect("its stdout"));
        Self { binary, child, requests, answers, took: Duration::ZERO }
    }

    /// The number of a system call, negative if libseccomp has none.
    pub fn resolve(&mut self, arch: Arch, name: &str) -> i64 {
        writeln!(self.requests, "resolve {} {name}", token(arch)).expect("ask");
        let line = self.line();
        line.strip_prefix("number ").expect(&line).parse().expect("a number")
    }

    /// The program for `profile` and exactly `archs`, built as runc does; or libseccomp's error.
    pub fn compile(
        &mut self,
        profile: &Profile<'_>,
        archs: &[Arch],
        optimize: bool,
    ) -> Result<Vec<Instruction>, i32> {
        let mut text = String::new();
        request(&mut text, profile, archs, optimize);
        self.requests.write_all(text.as_bytes()).expect("ask");
        self.requests.flush().expect("ask");
        if !self.answers_in_time() {
            self.end();
            let binary = std::mem::take(&mut self.binary);
            *self = Self::run(binary);
            return Err(NO_ANSWER);
        }
        let line = self.line();
        if let Some(errno) = line.strip_prefix("error ") {
            return Err(errno.parse().expect("an errno"));
        }
        let (count, took) =
            line.strip_prefix("program ").and_then(|rest| rest.split_once(' ')).expect(&line);
        let count: usize = count.parse().expect("a count");
        self.took = Duration::from_micros(took.parse().expect("microseconds"));
        // libseccomp writes in the byte order of the filter's machine.
        let swap = archs[0].big_endian() != cfg!(target_endian = "big");
        Ok((0..count).map(|_| instruction(&self.line(), swap)).collect())
    }

    /// libseccomp loops for ever on some profiles, and crashes on others.
    fn answers_in_time(&self) -> bool {
        let mut fds = [PollFd::new(self.answers.get_ref(), PollFlags::IN)];
        let limit = Timespec { tv_sec: 5, tv_nsec: 0 };
        poll(&mut fds, Some(&limit)).expect("poll") == 1
            && fds[0].revents() & PollFlags::IN == PollFlags::IN
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        line.trim_end().to_string()
    }
}

impl Drop for Libseccomp {
    fn drop(&mut self) {
        self.end();
        let _ = std::fs::remove_file(&self.binary);
    }
}

/// Says that a test did not run, past the capturing of its output.
pub fn skip(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

fn instruction(line: &str, swap: bool) -> Instruction {
    let numbers: Vec<u32> = line.split(' ').map(|n| n.parse().expect("a number")).collect();
    let [code, jt, jf, k] = numbers[..] else { panic!("four numbers: {line}") };
    let (mut code, mut k) = (code as u16, k);
    if swap {
        code = code.swap_bytes();
        // For a foreign machine libseccomp 2.5 leaves some answers as they are.
        let answered = code == RETURN && ACTIONS.contains(&(k & 0xffff_0000));
        k = if answered { k } else { k.swap_bytes() };
    }
    Instruction { code, jump_true: jt as u8, jump_false: jf as u8, k }
}

const RETURN: u16 = 0x06;
/// The actions whose codes tell the byte order.
const ACTIONS: [u32; 7] =
    [0x8000_0000, 0x0003_0000, 0x0005_0000, 0x7fc0_0000, 0x7ff0_0000, 0x7ffc_0000, 0x7fff_0000];

fn token(arch: Arch) -> u32 {
    if arch == Arch::X32 { X32_TOKEN } else { arch.audit() }
}

/// What runc does with a profile (libcontainer/seccomp), as requests.
fn request(text: &mut String, profile: &Profile<'_>, archs: &[Arch], optimize: bool) {
    use std::fmt::Write;
    let default = crate::naive::action(
        profile.default_action.as_ref().expect("a default action"),
        profile.default_errno_ret,
    );
    writeln!(text, "new {default}").expect("write");
    for arch in archs {
        writeln!(text, "arch {}", token(*arch)).expect("write");
    }
    if optimize {
        writeln!(text, "optimize").expect("write");
    }
    for rule in profile.syscalls.iter().flatten() {
        let action = crate::naive::action(&rule.action, rule.errno_ret);
        if action == default {
            continue;
        }
        let args = rule.args.as_deref().unwrap_or_default();
        let twice = (0..6).any(|index| args.iter().filter(|arg| arg.index == index).count() > 1);
        for name in &rule.names {
            let mut rule = |args: &[Condition<'_>]| {
                write!(text, "rule {action} {name}").expect("write");
                for arg in args {
                    let op = operator(&arg.op);
                    write!(text, " {} {op} {} {}", arg.index, arg.value, arg.value_two)
                        .expect("write");
                }
                text.push('\n');
            };
            if twice {
                args.chunks(1).for_each(&mut rule);
            } else {
                rule(args);
            }
        }
    }
    text.push_str("export\n");
}

/// `enum scmp_compare` of `seccomp.h`.
fn operator(name: &str) -> u32 {
    let names = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
    let known = names.iter().position(|known| name.strip_prefix("SCMP_CMP_") == Some(*known));
    known.expect(name) as u32 + 1
}
