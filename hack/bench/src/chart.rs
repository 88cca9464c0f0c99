//! The ratios as a bar chart, in SVG.

use crate::report::{Report, base, cells};
use std::fmt::Write;

const WIDTH: usize = 720;
/// Where the bars begin.
const LEFT: f64 = 190.0;
/// How long a bar can get; the rest is for its figure.
const LONGEST: f64 = 440.0;
const BAR: f64 = 9.0;
/// From one bar to the next.
const STEP: f64 = 11.0;
const BETWEEN_ROWS: f64 = 9.0;
const TOP: f64 = 64.0;
/// A longer bar is cut, so that the others stay readable.
const MOST: f64 = 20.0;

/// Readable on white and on black.
const COLOURS: [&str; 5] = ["#2f81f7", "#d29922", "#8957e5", "#db61a2", "#6e7781"];
/// The text follows the reader's theme.
const STYLE: &str = "text{font:11px system-ui,sans-serif;fill:#24292f}\
    .small{font-size:9px}.line{stroke:#24292f;stroke-opacity:.4}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.line{stroke:#e6edf3}}";

struct Bar<'a> {
    runtime: &'a str,
    ratio: f64,
}

/// The charted rows of all scenarios; a bar is a runtime's time in those of the first one.
pub fn write(report: &Report) -> String {
    let rows = rows(report);
    let longest = rows.iter().flat_map(|(_, bars)| bars).map(|bar| bar.ratio).fold(1.0, f64::max);
    let unit = LONGEST / longest.min(MOST);
    let (mut y, mut body) = (TOP, String::new());
    for (label, bars) in &rows {
        let middle = y + STEP * bars.len() as f64 / 2.0 + 3.0;
        let x = LEFT - 10.0;
        let label = escaped(label);
        let _ = writeln!(body, r#"<text x="{x}" y="{middle:.1}" text-anchor="end">{label}</text>"#);
        for bar in bars {
            write_bar(&mut body, bar, y, unit, colour(report, bar.runtime));
            y += STEP;
        }
        y += BETWEEN_ROWS;
    }
    let one = LEFT + unit;
    let end = y - BETWEEN_ROWS + 3.0;
    let _ = writeln!(
        body,
        r#"<line class="line" x1="{one:.1}" y1="{:.1}" x2="{one:.1}" y2="{end:.1}"/>"#,
        TOP - 4.0
    );
    let height = y + 4.0;
    let title = escaped(&format!("Time of each command, in times {}", base(report.runtimes)));
    let machine = escaped(&format!("{}; medians of {} rounds", report.machine, report.rounds));
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" width="{WIDTH}" role="img">
<title>{title}</title>
<style>{STYLE}</style>
<text x="10" y="16">{title} (shorter is faster)</text>
<text x="10" y="31" class="small">{machine}</text>
{}{body}</svg>
"#,
        legend(report)
    )
}

fn rows<'a>(report: &'a Report) -> Vec<(String, Vec<Bar<'a>>)> {
    let mut rows = Vec::new();
    for (scenario, outcome) in &report.results {
        for row in outcome.rows.iter().filter(|row| row.charted) {
            let cells = cells(report.runtimes, outcome, row);
            let bars: Vec<Bar> = cells
                .iter()
                .map(|cell| Bar {
                    runtime: cell.runtime,
                    ratio: cell.times_base.map_or(1.0, |ratio| ratio.median),
                })
                .collect();
            let label = match scenario.name {
                "base" | "many" | "parallel" => row.name.to_string(),
                name => format!("{} ({name})", row.name),
            };
            if !bars.is_empty() {
                rows.push((label, bars));
            }
        }
    }
    rows
}

fn write_bar(body: &mut String, bar: &Bar, y: f64, unit: f64, colour: &str) {
    let Bar { runtime, ratio } = bar;
    let length = ratio.min(MOST) * unit;
    let _ = writeln!(
        body,
        r#"<rect x="{LEFT}" y="{y:.1}" width="{length:.1}" height="{BAR}" fill="{colour}"/>"#
    );
    let cut = if *ratio > MOST { "→ " } else { "" };
    let (x, base_line) = (LEFT + length + 4.0, y + BAR - 1.0);
    let _ = writeln!(
        body,
        r#"<text class="small" x="{x:.1}" y="{base_line:.1}">{cut}{ratio:.2} {}</text>"#,
        escaped(runtime)
    );
}

/// A square and a name for each runtime.
fn legend(report: &Report) -> String {
    let mut out = String::new();
    let mut x = LEFT;
    for runtime in report.runtimes {
        let colour = colour(report, &runtime.name);
        let _ = writeln!(
            out,
            r#"<rect x="{x}" y="42" width="{BAR}" height="{BAR}" fill="{colour}"/><text x="{}" y="50">{}</text>"#,
            x + 13.0,
            escaped(&runtime.name)
        );
        x += 70.0;
    }
    out
}

/// By place; the floor is always grey.
fn colour(report: &Report, name: &str) -> &'static str {
    let place = report.runtimes.iter().position(|runtime| runtime.name == name);
    match place {
        Some(place) if name != "floor" => COLOURS[place % (COLOURS.len() - 1)],
        _ => COLOURS[COLOURS.len() - 1],
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    /// The width of the first bar of that colour after the legend.
    fn width(svg: &str, colour: &str) -> f64 {
        let bar = svg.lines().find(|l| l.contains(colour) && !l.contains(r#"y="42""#)).unwrap();
        let width = bar.split("width=\"").nth(1).unwrap();
        width.split('"').next().unwrap().parse().unwrap()
    }

    #[test]
    fn a_bar_is_as_long_as_its_ratio() {
        let runtimes = example::runtimes();
        let svg = write(&example::report(&runtimes));
        assert_eq!(width(&svg, COLOURS[1]), LONGEST);
        assert_eq!(width(&svg, COLOURS[0]), LONGEST / 2.0);
        assert!(!svg.contains("crowded"), "only what is charted: {svg}");
    }

    #[test]
    fn tags_are_balanced_and_text_is_escaped() {
        let runtimes = example::runtimes();
        let mut report = example::report(&runtimes);
        report.machine = "a <b> & c".into();
        let svg = write(&report);
        assert!(svg.contains("a &lt;b&gt; &amp; c"), "{svg}");
        let count = |tag: &str| svg.matches(tag).count();
        for tag in ["text", "svg", "style", "title"] {
            let open = count(&format!("<{tag}>")) + count(&format!("<{tag} "));
            assert_eq!(open, count(&format!("</{tag}>")), "{tag}");
        }
        assert_eq!(count("<rect "), count("/>") - count("<line "));
    }
}
