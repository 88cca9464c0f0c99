//! The same table for people: clap's `Command`, from which help, suggestions, completions and man pages come.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction};

use crate::table::{COMMANDS, Command, Flag, GLOBAL};

/// The whole command line as clap sees it, under the name that the program was called by.
pub fn tree(program: &str) -> clap::Command {
    let mut tree = clap::Command::new("orun")
        .bin_name(program)
        .about("Open Container Initiative runtime")
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true)
        .args(GLOBAL.iter().map(arg));
    for command in COMMANDS {
        tree = tree.subcommand(subcommand(command));
    }
    tree
}

fn subcommand(command: &'static Command) -> clap::Command {
    let mut result = clap::Command::new(command.name)
        .about(command.about)
        .disable_help_flag(true)
        .args(command.flags.iter().map(arg));
    if !command.args.is_empty() {
        let many = command.arity.1 > 1;
        let mut positional =
            Arg::new("args").value_name(command.args).required(command.arity.0 > 0);
        if many {
            positional = positional
                .num_args(1..)
                .trailing_var_arg(!command.interspersed)
                .allow_hyphen_values(true);
        }
        result = result.arg(positional);
    }
    result
}

fn arg(flag: &'static Flag) -> Arg {
    let mut arg = Arg::new(flag.long).long(flag.long).help(flag.help).hide(flag.hidden);
    if let Some(short) = flag.short {
        arg = arg.short(short);
    }
    match flag.value {
        None => arg.action(ArgAction::SetTrue),
        Some(name) if flag.long == "log-format" => {
            arg.value_name(name).value_parser(PossibleValuesParser::new(["text", "json"]))
        }
        Some(name) => arg.value_name(name).action(ArgAction::Append),
    }
}

/// The text of `--help`, for the program or for one command.
pub fn text(program: &str, command: Option<&'static Command>) -> String {
    let Some(command) = command else { return program_text(program) };
    let mut text = format!("NAME:\n   {program} {} - {}\n\n", command.name, command.about);
    let options = if command.flags.is_empty() { "" } else { " [OPTION...]" };
    text += &format!("USAGE:\n   {program} {}{options} {}\n\n", command.name, command.args);
    text +=
        &format!("EXAMPLE:\n   {}\n\nOPTIONS:\n{}", command.example, options_text(command.flags));
    text
}

fn program_text(program: &str) -> String {
    let mut text = format!(
        "NAME:\n   {program} - Open Container Initiative runtime\n\n\
         USAGE:\n   {program} [OPTION...] COMMAND [OPTION...] [ARG...]\n\n\
         Runs a container from a bundle: a directory with a root filesystem and a config.json.\n\
         `{program} spec` writes one to start from; `{program} COMMAND --help` tells more.\n\nCOMMANDS:\n"
    );
    for command in COMMANDS {
        text += &format!("   {:<10} {}\n", command.name, command.about);
    }
    text + "\nOPTIONS:\n" + &options_text(GLOBAL)
}

fn options_text(flags: &[Flag]) -> String {
    let mut rows: Vec<(String, &str)> = Vec::new();
    for flag in flags.iter().filter(|flag| !flag.hidden) {
        let short = flag.short.map_or("    ".to_owned(), |short| format!("-{short}, "));
        let value = flag.value.map_or(String::new(), |value| format!(" {value}"));
        rows.push((format!("{short}--{}{value}", flag.long), flag.help));
    }
    let width = rows.iter().map(|(option, _)| option.len()).max().unwrap_or(0);
    rows.iter().map(|(option, help)| format!("   {option:<width$}  {help}\n")).collect()
}

/// What a person may have meant, in clap's words, for a command line that was not understood.
pub fn suggestion(program: &str, words: &[std::ffi::OsString]) -> Option<String> {
    let line = std::iter::once(std::ffi::OsString::from(program)).chain(words.iter().cloned());
    let error = tree(program).try_get_matches_from(line).err()?;
    let text = error.to_string();
    text.lines().find_map(|line| line.trim().strip_prefix("tip: ").map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    #[test]
    fn clap_accepts_the_table() {
        tree("orun").debug_assert();
    }

    /// The quick parser and clap agree on what is given for each option of each command.
    #[test]
    fn both_readings_are_equal() {
        for command in COMMANDS {
            for flag in command.flags.iter().filter(|flag| flag.long != "help") {
                let mut line =
                    vec![OsString::from(command.name), format!("--{}", flag.long).into()];
                line.extend(flag.value.map(|_| OsString::from("7")));
                line.extend((0..command.arity.0).map(|index| OsString::from(format!("a{index}"))));
                let quick = crate::parse::parse(line.clone()).expect("quick parser");
                let clap = tree("orun")
                    .try_get_matches_from(std::iter::once(OsString::from("orun")).chain(line))
                    .expect("clap");
                let (name, matches) = clap.subcommand().expect("a subcommand");
                assert_eq!(quick.command, Some(name));
                match flag.value {
                    None => assert!(quick.words.has(flag.long) && matches.get_flag(flag.long)),
                    Some(_) => {
                        let values: Vec<_> =
                            matches.get_many::<String>(flag.long).expect("given").collect();
                        assert_eq!(values, ["7"]);
                        assert_eq!(quick.words.last(flag.long), Some("7"));
                    }
                }
            }
        }
    }

    #[test]
    fn a_slip_is_met_with_a_suggestion() {
        let words = ["sate".into(), "c1".into()];
        assert!(suggestion("orun", &words).unwrap().contains("state"));
    }
}
