//! The pages of the manual: orun(8), and one for each command.

use roff::{Inline, Roff, bold, italic, roman};

use crate::prose;
use crate::table::{COMMANDS, Command, Flag, GLOBAL};

/// Every page, under the name of its file.
pub fn all() -> Vec<(String, String)> {
    let mut pages = vec![("orun.8".to_owned(), program())];
    for command in COMMANDS {
        pages.push((format!("orun-{}.8", command.name), page(command)));
    }
    pages
}

fn program() -> String {
    let mut page = start("orun", "Open Container Initiative runtime");
    section(&mut page, "SYNOPSIS");
    page.text([bold("orun"), roman(" [OPTION...] COMMAND [OPTION...] [ARG...]")]);
    section(&mut page, "DESCRIPTION");
    paragraphs(&mut page, prose::PROGRAM);
    section(&mut page, "COMMANDS");
    for command in COMMANDS {
        page.control("TP", []);
        page.text([bold(format!("orun-{}", command.name)), roman("(8)")]);
        page.text([roman(command.about)]);
    }
    section(&mut page, "OPTIONS");
    options(&mut page, GLOBAL);
    for (title, entries) in prose::SECTIONS {
        section(&mut page, title);
        for (name, text) in *entries {
            page.control("TP", []);
            page.text([bold(*name)]);
            page.text([roman(*text)]);
        }
    }
    section(&mut page, "SEE ALSO");
    let names: Vec<String> =
        COMMANDS.iter().map(|command| format!("orun-{}", command.name)).collect();
    see(&mut page, &names);
    page.render()
}

fn page(command: &Command) -> String {
    let name = format!("orun-{}", command.name);
    let mut page = start(&name, command.about);
    section(&mut page, "SYNOPSIS");
    page.text([
        bold(format!("orun {}", command.name)),
        roman(" [OPTION...] "),
        italic(command.args),
    ]);
    section(&mut page, "DESCRIPTION");
    paragraphs(&mut page, prose::of(command.name));
    section(&mut page, "OPTIONS");
    options(&mut page, command.flags);
    section(&mut page, "EXIT STATUS");
    paragraphs(&mut page, prose::status_of(command.name));
    section(&mut page, "EXAMPLE");
    page.control("EX", []);
    page.text([roman(command.example)]);
    page.control("EE", []);
    section(&mut page, "SEE ALSO");
    see(&mut page, &["orun".to_owned()]);
    page.render()
}

/// The header and the name. Without a date: the same sources make the same page.
fn start(name: &str, about: &str) -> Roff {
    let mut page = Roff::new();
    let title = name.to_uppercase();
    let version = concat!("orun ", env!("CARGO_PKG_VERSION"));
    page.control("TH", [&*title, "8", "", version, "System Administration"]);
    section(&mut page, "NAME");
    let mut about = about.to_owned();
    if let Some(first) = about.get_mut(..1).filter(|_| !name.eq("orun")) {
        first.make_ascii_lowercase();
    }
    page.text([roman(format!("{name} - {about}"))]);
    page
}

fn section(page: &mut Roff, title: &str) {
    page.control("SH", [title]);
}

fn paragraphs(page: &mut Roff, texts: &[&str]) {
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            page.control("PP", []);
        }
        page.text([roman(*text)]);
    }
}

fn options(page: &mut Roff, flags: &[Flag]) {
    for flag in flags.iter().filter(|flag| !flag.hidden) {
        page.control("TP", []);
        let mut words: Vec<Inline> = Vec::new();
        if let Some(short) = flag.short {
            words.extend([bold(format!("-{short}")), roman(", ")]);
        }
        words.push(bold(format!("--{}", flag.long)));
        if let Some(value) = flag.value {
            words.extend([roman(" "), italic(value)]);
        }
        page.text(words);
        page.text([roman(flag.help)]);
    }
}

fn see(page: &mut Roff, names: &[String]) {
    let mut words = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let end = if index + 1 == names.len() { "(8)" } else { "(8), " };
        words.extend([bold(&**name), roman(end)]);
    }
    page.text(words);
}
