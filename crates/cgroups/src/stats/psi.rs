//! Pressure stall information (Documentation/accounting/psi.rst).

use serde::Serialize;

use super::read::Files;
use crate::error::Error;

/// Time lost for want of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Psi {
    /// While some tasks waited.
    pub some: PsiLine,
    /// While all tasks waited.
    pub full: PsiLine,
}

/// Share of time lost, in percent, over the last seconds; and all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PsiLine {
    /// Over 10 seconds.
    pub avg10: f64,
    /// Over a minute.
    pub avg60: f64,
    /// Over 5 minutes.
    pub avg300: f64,
    /// Microseconds, ever.
    pub total: u64,
}

/// Reads a pressure file; none if the kernel keeps no account.
pub(super) fn read(files: &Files<'_>, name: &str) -> Result<Option<Psi>, Error> {
    Ok(files.text(name)?.as_deref().and_then(parse))
}

fn parse(text: &str) -> Option<Psi> {
    let mut psi = Psi::default();
    let mut known = false;
    for line in text.lines() {
        let (word, rest) = line.split_once(' ')?;
        let slot = match word {
            "some" => &mut psi.some,
            "full" => &mut psi.full,
            _ => continue,
        };
        known = true;
        for field in rest.split_whitespace() {
            match field.split_once('=')? {
                ("avg10", value) => slot.avg10 = value.parse().ok()?,
                ("avg60", value) => slot.avg60 = value.parse().ok()?,
                ("avg300", value) => slot.avg300 = value.parse().ok()?,
                ("total", value) => slot.total = value.parse().ok()?,
                _ => {}
            }
        }
    }
    known.then_some(psi)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let psi = parse(
            "some avg10=1.50 avg60=0.25 avg300=0.00 total=1234\n\
             full avg10=0.00 avg60=0.00 avg300=0.01 total=7\n",
        )
        .unwrap();
        let some = PsiLine { avg10: 1.5, avg60: 0.25, avg300: 0.0, total: 1234 };
        let full = PsiLine { avg10: 0.0, avg60: 0.0, avg300: 0.01, total: 7 };
        assert_eq!(psi, Psi { some, full });
        assert_eq!(parse(""), None);
        assert_eq!(parse("some avg10=x\n"), None);
    }
}
