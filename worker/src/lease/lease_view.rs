//! One lease as its users see it.

use super::BoottimeMs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Timers stand still in suspend while the boot-time clock goes on: look at the clock at least this often.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A cheap, shared view of one lease. All clones see renewals and the end at once.
#[derive(Clone, Debug)]
pub struct LeaseView {
    cell: Arc<Cell>,
}

#[derive(Debug)]
struct Cell {
    deadline_boottime_ms: AtomicU64,
    changed: Notify,
}

impl LeaseView {
    /// A lease that isn't live until it is renewed for the first time.
    pub(super) fn pending() -> Self {
        let deadline_boottime_ms = AtomicU64::new(BoottimeMs::NEVER.as_ms());
        Self {
            cell: Arc::new(Cell {
                deadline_boottime_ms,
                changed: Notify::new(),
            }),
        }
    }

    /// A lease that ends at `deadline`; for tests that need a token without a leader.
    pub fn until(deadline: BoottimeMs) -> Self {
        let view = Self::pending();
        view.extend(deadline);
        view
    }

    /// Whether work may be issued under it now.
    pub fn is_live(&self) -> bool {
        self.is_live_at(BoottimeMs::now())
    }

    /// Whether work may be issued under it at `now`.
    pub fn is_live_at(&self, now: BoottimeMs) -> bool {
        now < self.deadline()
    }

    /// When it ends unless it is renewed.
    pub fn deadline(&self) -> BoottimeMs {
        BoottimeMs::from_ms(self.cell.deadline_boottime_ms.load(Ordering::Acquire))
    }

    /// Waits until the lease isn't live.
    pub async fn ended(&self) {
        loop {
            let changed = self.cell.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let now = BoottimeMs::now();
            if !self.is_live_at(now) {
                return;
            }
            let pause = now.until(self.deadline()).min(LOOK_AGAIN);
            let _ = tokio::time::timeout(pause, changed).await;
        }
    }

    /// Waits until the lease is live.
    pub async fn live(&self) {
        loop {
            let changed = self.cell.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.is_live() {
                return;
            }
            changed.await;
        }
    }

    /// Moves the deadline forward, never back.
    pub(super) fn extend(&self, deadline: BoottimeMs) {
        self.cell
            .deadline_boottime_ms
            .fetch_max(deadline.as_ms(), Ordering::AcqRel);
        self.cell.changed.notify_waiters();
    }

    /// Ends the lease now, for good: its table entry is replaced at the same time.
    pub(super) fn revoke(&self) {
        self.cell
            .deadline_boottime_ms
            .store(BoottimeMs::NEVER.as_ms(), Ordering::Release);
        self.cell.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ends_at_its_deadline_and_on_revocation() {
        let view = LeaseView::until(BoottimeMs::now().after_ms(60));
        assert!(view.is_live());
        view.ended().await;
        assert!(!view.is_live());

        let view = LeaseView::until(BoottimeMs::now().after_ms(60_000));
        let other = view.clone();
        let waiting = tokio::spawn(async move { other.ended().await });
        tokio::task::yield_now().await;
        view.revoke();
        tokio::time::timeout(Duration::from_secs(1), waiting)
            .await
            .expect("in time")
            .expect("no panic");
    }

    #[tokio::test]
    async fn wakes_who_waits_for_the_first_renewal() {
        let view = LeaseView::pending();
        let other = view.clone();
        let waiting = tokio::spawn(async move { other.live().await });
        tokio::task::yield_now().await;
        view.extend(BoottimeMs::now().after_ms(60_000));
        tokio::time::timeout(Duration::from_secs(1), waiting)
            .await
            .expect("in time")
            .expect("no panic");
    }
}
