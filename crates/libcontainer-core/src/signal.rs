//! Signals by name and number.

/// The signals of Linux with a name, by number (`signal(7)`).
const NAMES: [(&str, i32); 33] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
    ("RTMIN", 34),
    ("RTMAX", 64),
];

/// The number that a word means: a number from 0 to 64, or a name with or without `SIG`, in any
/// case, also `RTMIN+N` and `RTMAX-N`.
pub fn parse(word: &str) -> Option<i32> {
    if let Ok(number) = word.parse::<i32>() {
        return (0..=64).contains(&number).then_some(number);
    }
    let upper = word.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let realtime = |offset: &str, from: i32, sign: i32| {
        let offset: i32 = offset.parse().ok().filter(|offset| (0..=30).contains(offset))?;
        Some(from + sign * offset).filter(|number| (34..=64).contains(number))
    };
    if let Some(offset) = name.strip_prefix("RTMIN+") {
        return realtime(offset, 34, 1);
    }
    if let Some(offset) = name.strip_prefix("RTMAX-") {
        return realtime(offset, 64, -1);
    }
    let alias = match name {
        "CLD" => "CHLD",
        "POLL" => "IO",
        "IOT" => "ABRT",
        other => other,
    };
    NAMES.iter().find(|(known, _)| *known == alias).map(|(_, number)| *number)
}

/// A signal in words: what it means for the common ones, else its name or number.
pub fn describe(number: i32) -> String {
    match number {
        libc::SIGKILL => "killed".to_owned(),
        libc::SIGTERM => "terminated".to_owned(),
        libc::SIGSYS => "bad system call".to_owned(),
        libc::SIGSEGV => "segmentation fault".to_owned(),
        libc::SIGABRT => "aborted".to_owned(),
        other => name(other),
    }
}

/// The name of a signal, or its number in words.
pub fn name(number: i32) -> String {
    let known = NAMES.iter().find(|(_, known)| *known == number);
    known.map_or_else(|| format!("signal {number}"), |(name, _)| format!("SIG{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers() {
        for (word, number) in [
            ("9", 9),
            ("KILL", 9),
            ("SIGKILL", 9),
            ("sigterm", 15),
            ("0", 0),
            ("RTMIN+3", 37),
            ("SIGRTMAX-1", 63),
            ("CLD", 17),
        ] {
            assert_eq!(parse(word), Some(number), "{word}");
        }
        for bad in ["", "FOO", "-1", "65", "SIG", "RTMIN+31", "9 "] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
