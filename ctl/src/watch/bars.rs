//! Draws the view on a terminal, in place.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use super::item::Item;

/// Redraws per second at most; answers come about once a second.
const DRAW_HZ: u8 = 10;

const TEXT: &str = "{msg}";
const BAR: &str = "  {prefix:40!} {bar:24} {percent:>3} % {pos:>10}/{len:10} {msg}";

/// Lines that are redrawn.
#[derive(Debug)]
pub(super) struct Bars {
    multi: MultiProgress,
    lines: Vec<ProgressBar>,
    /// Last line; empty while all is well.
    note: ProgressBar,
}

impl Bars {
    pub(super) fn new() -> Self {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stdout_with_hz(DRAW_HZ));
        multi.set_move_cursor(true);
        let note = multi.add(line().with_style(style(TEXT)));
        Self {
            multi,
            lines: Vec::new(),
            note,
        }
    }

    /// Makes the lines show these items; a line is kept while its place exists, so nothing flickers.
    pub(super) fn draw(&mut self, items: &[Item]) {
        while self.lines.len() > items.len() {
            if let Some(line) = self.lines.pop() {
                self.multi.remove(&line);
            }
        }
        while self.lines.len() < items.len() {
            let line = self.multi.insert_before(&self.note, line());
            self.lines.push(line);
        }
        for (line, item) in self.lines.iter().zip(items) {
            set(line, item);
        }
        self.note(String::new());
    }

    pub(super) fn note(&self, text: String) {
        self.note.set_message(text);
    }
}

/// What was shown last stays on the terminal when the view ends.
fn line() -> ProgressBar {
    ProgressBar::no_length().with_finish(ProgressFinish::Abandon)
}

fn set(line: &ProgressBar, item: &Item) {
    match item {
        Item::Text(text) => {
            line.set_style(style(TEXT));
            line.set_message(text.clone());
        }
        Item::Bar {
            label,
            rows,
            rows_expected,
            note,
        } => {
            line.set_style(style(BAR));
            line.set_prefix(label.clone());
            line.set_length(*rows_expected);
            line.set_position(*rows);
            line.set_message(note.clone());
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants; a wrong one would only look plain.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("█▌░")
}
