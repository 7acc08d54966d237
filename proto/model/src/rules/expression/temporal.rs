//! Dates and times.

/// A date with time of day; a date alone has none of it. Month and day may be 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTime {
    /// Year.
    pub year: u16,
    /// 0 to 12.
    pub month: u8,
    /// 0 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Microseconds.
    pub micros: u32,
}

const DAYS: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl DateTime {
    /// Days since year 0 as TO_DAYS counts them; `None` for dates with a 0 in them.
    pub(super) fn day_number(&self) -> Option<i64> {
        if self.month == 0 || self.day == 0 {
            return None;
        }
        let (year, month) = (i64::from(self.year), i64::from(self.month));
        // Years are counted from March, so that the leap day is last.
        let shifted = if month > 2 { year } else { year - 1 };
        let era = shifted.div_euclid(400);
        let of_era = shifted.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(self.day) - 1;
        let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        Some(era * 146_097 + days + 60)
    }

    /// Without its time of day.
    pub(super) fn date(self) -> Self {
        Self {
            hour: 0,
            minute: 0,
            second: 0,
            micros: 0,
            ..self
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        (self.year, self.month, self.day) == (0, 0, 0)
    }
}

fn days_of(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match usize::from(month).checked_sub(1) {
        None => 31,
        Some(1) if leap => 29,
        Some(index) => DAYS.get(index).copied().unwrap_or(0),
    }
}

/// Reads `2024-02-29`, `2024-02-29 12:34:56.5` and the same with `T`; `None` when it is no date.
pub fn parse_datetime(text: &str) -> Option<DateTime> {
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = part(parts.next()?, 4, 4, 9_999)?;
    let month = part(parts.next()?, 1, 2, 12)?;
    let day = part(parts.next()?, 1, 2, 31)?;
    if parts.next().is_some() {
        return None;
    }
    let (hour, minute, second, micros) = match time {
        None => (0, 0, 0, 0),
        Some(time) => clock(time, 23)?,
    };
    let (year, month, day) = (
        u16::try_from(year).ok()?,
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
    );
    (day <= days_of(year, month)).then_some(DateTime {
        year,
        month,
        day,
        hour: u8::try_from(hour).ok()?,
        minute: u8::try_from(minute).ok()?,
        second: u8::try_from(second).ok()?,
        micros,
    })
}

/// Reads `-838:59:59.000001` as microseconds; `None` when it is no time.
pub fn parse_time_micros(text: &str) -> Option<i64> {
    let (sign, time) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (hour, minute, second, micros) = clock(time, 838)?;
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    Some(sign * (seconds * 1_000_000 + i64::from(micros)))
}

fn clock(text: &str, hours: u32) -> Option<(u32, u32, u32, u32)> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':');
    let hour = part(parts.next()?, 1, 3, hours)?;
    let minute = part(parts.next()?, 1, 2, 59)?;
    let second = match parts.next() {
        Some(second) => part(second, 1, 2, 59)?,
        None => 0,
    };
    let micros = if fraction.is_empty() {
        0
    } else {
        part(&format!("{fraction:0<6}"), 6, 6, 999_999)?
    };
    parts
        .next()
        .is_none()
        .then_some((hour, minute, second, micros))
}

fn part(text: &str, shortest: usize, longest: usize, most: u32) -> Option<u32> {
    let fits =
        (shortest..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok())
        .flatten()
        .filter(|value| *value <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_counted() {
        let days = |text| parse_datetime(text).unwrap().day_number();
        assert_eq!(days("1970-01-01"), Some(719_528));
        assert_eq!(days("2024-02-29 10:00"), Some(739_310));
        assert_eq!(days("2024-00-10"), None);
        assert_eq!(
            parse_datetime("2024-01-02 03:04:05.5").unwrap().micros,
            500_000
        );
        for bad in [
            "2023-02-29",
            "2024-13-01",
            "24-01-01",
            "2024-01-01 24:00:00",
            "x",
            "2024-01-01-1",
        ] {
            assert!(parse_datetime(bad).is_none(), "{bad}");
        }
        assert_eq!(parse_time_micros("-00:00:01.5"), Some(-1_500_000));
        assert_eq!(parse_time_micros("838:59:59"), Some(3_020_399_000_000));
        assert_eq!(parse_time_micros("839:00:00"), None);
    }
}
