//! `stats` and `top`: what containers use, once or again and again.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use libcontainer_core::error::Result;
use libcontainer_core::store::Store;
use libcontainer_core::usage::{Sampler, Usage};

use super::{bad_option, events};
use crate::parse::Words;

/// How long `stats` looks, to know how much CPU time is used.
const LOOK: Duration = Duration::from_millis(500);

/// `stats`
pub fn stats(words: &Words, root: &str) -> Result<i32> {
    let json = is_json(words)?;
    let Some(store) = open(root, &words.args)? else { return Ok(crate::print(&show(&[], json))) };
    let mut sampler = Sampler::default();
    sampler.sample(&store, &words.args)?;
    std::thread::sleep(LOOK);
    Ok(crate::print(&show(&sampler.sample(&store, &words.args)?, json)))
}

/// `top`
pub fn top(words: &Words, root: &str) -> Result<i32> {
    let json = is_json(words)?;
    let interval = events::interval(words.last("interval").unwrap_or("2s"))?;
    let key = words.last("sort").unwrap_or("cpu");
    if !KEYS.contains(&key) {
        return Err(bad_option("--sort", key, "one of cpu, memory, pids, id"));
    }
    let mut left = match words.last("count").map(str::parse::<u64>) {
        None => None,
        Some(Ok(count)) if count > 0 => Some(count),
        Some(_) => {
            return Err(bad_option("--count", words.last("count").unwrap_or(""), "a number"));
        }
    };
    let mut out = std::io::stdout();
    let terminal = out.is_terminal() && !json;
    let mut sampler = Sampler::default();
    let mut wait = LOOK.min(interval);
    loop {
        let mut usage = match open(root, &words.args)? {
            Some(store) => sampler.sample(&store, &words.args)?,
            None => Vec::new(),
        };
        sort(&mut usage, key);
        let text = show(&usage, json);
        let text = if terminal { screen(&text) } else { text };
        // The first look knows nothing of CPU time yet, and is shown only to people.
        let first = wait != interval;
        if (terminal || !first)
            && out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err()
        {
            return Ok(0);
        }
        if !first && let Some(left) = &mut left {
            *left -= 1;
            if *left == 0 {
                return Ok(0);
            }
        }
        std::thread::sleep(wait);
        wait = interval;
    }
}

const KEYS: [&str; 4] = ["cpu", "memory", "pids", "id"];

/// The largest first.
fn sort(usage: &mut [Usage], key: &str) {
    let cpu = |usage: &Usage| usage.cpu_percent.unwrap_or(0.0);
    match key {
        "cpu" => usage.sort_by(|a, b| cpu(b).total_cmp(&cpu(a)).then_with(|| a.id.cmp(&b.id))),
        "memory" => usage.sort_by(|a, b| b.memory.cmp(&a.memory).then_with(|| a.id.cmp(&b.id))),
        "pids" => usage.sort_by(|a, b| b.pids.cmp(&a.pids).then_with(|| a.id.cmp(&b.id))),
        _ => usage.sort_by(|a, b| a.id.cmp(&b.id)),
    }
}

fn is_json(words: &Words) -> Result<bool> {
    match words.last("format").unwrap_or("table") {
        "json" => Ok(true),
        "table" => Ok(false),
        other => Err(bad_option("--format", other, "table or json")),
    }
}

/// The store; a named container needs one.
fn open(root: &str, ids: &[String]) -> Result<Option<Store>> {
    match (Store::open(root)?, ids.first()) {
        (None, Some(id)) => super::find(root, id).map(|_| None),
        (store, _) => Ok(store),
    }
}

fn show(usage: &[Usage], json: bool) -> String {
    if json {
        // A list of structs of numbers and strings always has a JSON form.
        return serde_json::to_string(usage).unwrap_or_default() + "\n";
    }
    let head = [
        "ID",
        "STATUS",
        "CPU %",
        "MEMORY / LIMIT",
        "MEM %",
        "PEAK",
        "PIDS / LIMIT",
        "BLOCK R / W",
        "NET RX / TX",
        "PRESSURE % CPU MEM IO",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(usage.iter().map(row));
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &[String; 10]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn row(usage: &Usage) -> [String; 10] {
    let percent = |part: Option<f64>| part.map_or("-".to_owned(), |part| format!("{part:.1}"));
    let of = |limit: Option<u64>, show: fn(u64) -> String| limit.map_or("-".to_owned(), show);
    let share = usage.memory_limit.map(|limit| usage.memory as f64 * 100.0 / limit as f64);
    [
        usage.id.clone(),
        usage.status.to_owned(),
        percent(usage.cpu_percent),
        format!("{} / {}", size(usage.memory), of(usage.memory_limit, size)),
        percent(share),
        of(usage.memory_peak, size),
        format!("{} / {}", usage.pids, of(usage.pids_limit, |limit| limit.to_string())),
        format!("{} / {}", size(usage.block_read), size(usage.block_write)),
        format!("{} / {}", size(usage.network_received), size(usage.network_sent)),
        [usage.cpu_pressure, usage.memory_pressure, usage.io_pressure].map(percent).join(" "),
    ]
}

/// Bytes, in the largest unit of which there is one.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = (bytes.max(1).ilog2() / 10) as usize;
    match unit {
        0 => format!("{bytes} B"),
        _ => format!("{:.1} {}", bytes as f64 / (1_u64 << (10 * unit)) as f64, UNITS[unit]),
    }
}

/// The text from the top left corner on, cut to the terminal, with a bold heading.
fn screen(text: &str) -> String {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    let (rows, columns) = size.map_or((24, 80), |size| (size.ws_row, size.ws_col));
    let cut = |line: &str| line.chars().take(columns.max(1).into()).collect::<String>();
    let lines = text.lines().take(usize::from(rows).saturating_sub(1).max(1)).enumerate();
    let lines = lines.map(|(index, line)| match index {
        0 => format!("\x1b[1m{}\x1b[0m\x1b[K\n", cut(line)),
        _ => format!("{}\x1b[K\n", cut(line)),
    });
    format!("\x1b[H{}\x1b[J", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (64 << 20, "64.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn a_table() {
        let usage = Usage {
            id: "web".to_owned(),
            status: "running",
            cpu_percent: Some(12.34),
            memory: 32 << 20,
            memory_limit: Some(64 << 20),
            pids: 3,
            cpu_pressure: Some(0.5),
            ..Usage::default()
        };
        let text = show(&[usage], false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        let words: Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(
            words.join(" "),
            "web running 12.3 32.0 MiB / 64.0 MiB 50.0 - 3 / - 0 B / 0 B 0 B / 0 B 0.5 - -"
        );
        assert_eq!(lines[0].find("STATUS"), lines[1].find("running"));
    }

    #[test]
    fn orders() {
        let one = |id: &str, cpu, memory| Usage {
            id: id.to_owned(),
            cpu_percent: Some(cpu),
            memory,
            ..Usage::default()
        };
        let mut usage = [one("a", 1.0, 5), one("b", 3.0, 1), one("c", 3.0, 9)];
        let order = |usage: &[Usage]| usage.iter().map(|one| &*one.id).collect::<String>();
        sort(&mut usage, "cpu");
        assert_eq!(order(&usage), "bca");
        sort(&mut usage, "memory");
        assert_eq!(order(&usage), "cab");
        sort(&mut usage, "id");
        assert_eq!(order(&usage), "abc");
    }

    #[test]
    fn a_screen_is_cut() {
        let long = format!("HEAD\n{}\n", "x".repeat(10_000));
        let text = screen(&long);
        assert!(text.starts_with("\x1b[H\x1b[1mHEAD") && text.len() < 2000);
    }
}
