//! `plan`

use libcontainer_core::create::{parse, read_config};
use libcontainer_core::plan::{self, Host};

use super::{Context, Failure, create::options, warn};
use crate::parse::Words;

/// `plan`
pub fn plan(context: &Context, global: &Words, words: &Words) -> Result<i32, Failure> {
    let failed = |error| Failure::of(&context.program, "plan", error);
    let mut options = options(context, global, words, Vec::new()).map_err(failed)?;
    if options.id.is_empty() {
        "ID".clone_into(&mut options.id);
    }
    let text = read_config(&options.bundle, words.last("config"), None).map_err(failed)?;
    let spec = parse(&text).map_err(failed)?;
    let host = Host::probe(&options).map_err(failed)?;
    let plan = plan::plan(&spec, &options, &host).map_err(failed)?;
    match words.last("format").unwrap_or("text") {
        "json" => {
            let text = serde_json::to_string_pretty(&plan.to_json()).unwrap_or_default();
            Ok(crate::print(&(text + "\n")))
        }
        "text" => {
            warn(context, &plan.warnings);
            let lines = plan.lines();
            Ok(crate::print(
                &lines
                    .iter()
                    .map(|(part, text)| format!("{part:<10} {text}\n"))
                    .collect::<String>(),
            ))
        }
        other => Err(Failure::new(format!("invalid format option {other:?}: it is text or json"))),
    }
}
