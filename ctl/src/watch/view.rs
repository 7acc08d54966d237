//! The choice between drawing in place and writing lines.

use std::{
    io::IsTerminal as _,
    time::{SystemTime, UNIX_EPOCH},
};

use dm_proto::pb::QueryStatusListResponse;

use super::{bars::Bars, item, line};
use crate::{CtlError, commands::context::emit, output::Format, status::rows};

/// Shows one answer after another.
#[derive(Debug)]
pub struct View {
    bars: Option<Bars>,
}

impl View {
    /// In place on a terminal, lines otherwise.
    pub fn new(format: Format) -> Self {
        let in_place = format == Format::Table && std::io::stdout().is_terminal();
        Self {
            bars: in_place.then(Bars::new),
        }
    }

    /// Shows an answer, or why there is none.
    pub fn show(
        &mut self,
        answer: &Result<QueryStatusListResponse, CtlError>,
    ) -> Result<(), CtlError> {
        let now = line::clock(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        );
        let Some(bars) = &mut self.bars else {
            let text = match answer {
                Ok(response) => line::lines(&now, response),
                Err(error) => format!("{now} no answer: {error}"),
            };
            return emit(&text);
        };
        match answer {
            Ok(response) => bars.draw(&item::items(&rows(response), &response.msg)),
            // What was last known stays visible.
            Err(error) => bars.note(format!("{now} no answer: {error}")),
        }
        Ok(())
    }
}
