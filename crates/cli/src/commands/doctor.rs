//! `doctor`

use libcontainer_core::doctor::{Diagnosis, Fact, Status, diagnose};

use crate::parse::Words;

/// `doctor`: 0 when a container of the default configuration can run, else 1.
pub fn doctor(words: &Words) -> i32 {
    let diagnosis = diagnose();
    let shown = if words.has("json") {
        // A tree of our own making always has a JSON form.
        serde_json::to_string_pretty(&diagnosis).unwrap_or_default() + "\n"
    } else {
        let colours = rustix::termios::isatty(rustix::stdio::stdout());
        as_table(&diagnosis, colours)
    };
    let printed = crate::print(&shown);
    if diagnosis.able { printed } else { 1 }
}

fn as_table(diagnosis: &Diagnosis, colours: bool) -> String {
    let width = diagnosis.facts.iter().map(|fact| fact.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut area = "";
    for fact in &diagnosis.facts {
        if fact.area != area {
            area = fact.area;
            text += &format!("{area}\n");
        }
        text += &line(fact, width, colours);
    }
    text + if diagnosis.able {
        "A container of the default configuration can run.\n"
    } else {
        "A container of the default configuration can not run.\n"
    }
}

fn line(fact: &Fact, width: usize, colours: bool) -> String {
    let (word, colour) = match fact.status {
        Status::Ok => ("ok", "32"),
        Status::Limited => ("limited", "33"),
        Status::Missing => ("missing", "31"),
    };
    let padded = format!("{word:<7}");
    let word = if colours { format!("\x1b[{colour}m{padded}\x1b[0m") } else { padded };
    let mut text = format!("  {word}  {:<width$}  {}\n", fact.name, fact.found);
    if let Some(advice) = &fact.advice {
        text += &format!("           {:<width$}  -> {advice}\n", "");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals() {
        let fact = Fact {
            area: "kernel",
            name: "x".to_owned(),
            status: Status::Limited,
            found: "no".to_owned(),
            advice: Some("do this".to_owned()),
            fatal: false,
        };
        let diagnosis = Diagnosis { able: true, facts: vec![fact] };
        let plain = "kernel\n  limited  x  no\n              -> do this\n\
                     A container of the default configuration can run.\n";
        assert_eq!(as_table(&diagnosis, false), plain);
        assert!(as_table(&diagnosis, true).contains("\x1b[33mlimited\x1b[0m"));
    }
}
