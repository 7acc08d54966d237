//! Rendering.
use super::Key;
/// Render.
pub fn render_markdown(_title: &str, _keys: &[Key]) -> String {
    String::new()
}
