use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Without a terminal a line is printed this often.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// What the demo shows while it runs: a bar per table and one line of status, or plain lines without a terminal.
#[derive(Debug)]
pub(super) struct Screen {
    start: Instant,
    live: Option<MultiProgress>,
    bars: Vec<ProgressBar>,
    status: ProgressBar,
    last_line: Instant,
}

impl Screen {
    pub(super) fn new() -> Self {
        let live = std::io::stdout()
            .is_terminal()
            .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stdout()));
        let start = Instant::now();
        Self {
            start,
            live,
            bars: Vec::new(),
            status: ProgressBar::hidden(),
            last_line: start,
        }
    }

    /// A line that stays.
    pub(super) fn say(&self, text: &str) {
        let line = format!("[{:6.1} s] {text}", self.start.elapsed().as_secs_f64());
        match &self.live {
            Some(live) => {
                let _ = live.println(line);
            }
            None => println!("{line}"),
        }
    }

    /// Shows a bar for each table, with the rows that it has at the source.
    pub(super) fn open_bars(&mut self, tables: &[(String, u64)]) {
        let Some(live) = &self.live else { return };
        let bar_style = style("{prefix:32} {bar:36} {pos:>7}/{len:7}");
        for (name, rows) in tables {
            let bar = live.add(
                ProgressBar::new(*rows)
                    .with_style(bar_style.clone())
                    .with_prefix(name.clone()),
            );
            self.bars.push(bar);
        }
        self.status = live.add(ProgressBar::new_spinner().with_style(style("{msg}")));
    }

    /// Shows how many rows the target has.
    pub(super) fn set_rows(&mut self, rows: &[u64]) {
        for (bar, rows) in self.bars.iter().zip(rows) {
            bar.set_length(bar.length().unwrap_or(0).max(*rows));
            bar.set_position(*rows);
        }
    }

    /// Takes the bars away; what comes now has no end to show.
    pub(super) fn close_bars(&mut self) {
        self.bars.drain(..).for_each(|bar| bar.finish_and_clear());
    }

    /// The line that changes.
    pub(super) fn set_status(&mut self, text: &str) {
        if self.live.is_some() {
            self.status.set_message(text.to_owned());
            self.status.tick();
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            self.say(text);
        }
    }

    /// Leaves only the lines that stay.
    pub(super) fn close(&mut self) {
        self.close_bars();
        self.status.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("█▉▊▋▌▍▎▏ ")
}
