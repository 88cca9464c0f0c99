//! Length, instructions per call and compile time, against libseccomp: a report to read.
//!
//! `cargo test --release -p seccomp --test compare_speed -- --ignored --nocapture`

mod engine;
mod naive;
mod oracle;

use std::time::{Duration, Instant};

use oracle::Libseccomp;
use seccomp::interpret::{Call, run};
use seccomp::spec::Profile;
use seccomp::{Arch, Instruction, compile_for};

const FAMILY: &[Arch] = &[Arch::X86_64, Arch::X86, Arch::X32];

/// The calls that dominate the traces of servers, shells and build tools.
const HOT: &[&str] = &[
    "read",
    "write",
    "close",
    "fstat",
    "newfstatat",
    "lseek",
    "mmap",
    "mprotect",
    "munmap",
    "brk",
    "rt_sigaction",
    "rt_sigprocmask",
    "ioctl",
    "pread64",
    "writev",
    "access",
    "poll",
    "madvise",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "fcntl",
    "openat",
    "futex",
    "epoll_wait",
    "clock_gettime",
    "getdents64",
    "getpid",
    "nanosleep",
];

#[test]
#[ignore = "prints figures; compare them by hand"]
fn report() {
    let Some(mut oracle) = Libseccomp::start() else { return };
    for file in engine::profile_files() {
        let text = std::fs::read_to_string(&file).expect("read the profile");
        let profile = engine::resolve(&text, FAMILY[0], &[]);
        let names = FAMILY.iter().map(|arch| arch.name().into()).collect();
        let profile = Profile { architectures: Some(names), ..profile };
        println!("{}", file.display());
        let (ours, time) = best(|| {
            let start = Instant::now();
            let filter = compile_for(&profile, FAMILY[0]).expect("it compiles");
            (filter.instructions().to_vec(), start.elapsed())
        });
        let own = line("this crate", &ours, time, None);
        for (name, optimize) in [("libseccomp", false), ("libseccomp, tree", true)] {
            let (theirs, time) = best(|| {
                let program = oracle.compile(&profile, FAMILY, optimize).expect("it compiles");
                (program, oracle.took)
            });
            let other = line(name, &theirs, time, Some(&own));
            assert!(own.0 < other.0 && own.1 < other.1 && own.2 < other.2, "ahead in each");
        }
    }
}

/// The fastest of several runs, and its program.
fn best(mut compile: impl FnMut() -> (Vec<Instruction>, Duration)) -> (Vec<Instruction>, Duration) {
    (0..20).map(|_| compile()).min_by_key(|(_, time)| *time).expect("some runs")
}

/// Prints and returns length, mean of the instructions for hot calls, and microseconds.
fn line(
    name: &str,
    program: &[Instruction],
    time: Duration,
    than: Option<&(usize, f64, f64)>,
) -> (usize, f64, f64) {
    let executed = |call: &&str| {
        let number = Arch::X86_64.number(call).expect("known");
        run(program, &Call::new(Arch::X86_64, number, [0; 6])).expect("valid").executed
    };
    let counts: Vec<usize> = HOT.iter().map(executed).collect();
    let mean = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    let max = counts.iter().max().expect("some");
    let micros = time.as_secs_f64() * 1e6;
    println!(
        "  {name:17} {:5} instructions, {mean:6.1} executed (at most {max}), {micros:8.1} us",
        program.len()
    );
    if let Some((length, executed, own)) = than {
        let length = program.len() as f64 / *length as f64;
        println!("  {:17} {length:5.1} x, {:21.1} x, {:29.1} x", "", mean / executed, micros / own);
    }
    (program.len(), mean, micros)
}
