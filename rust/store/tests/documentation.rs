//! The page on the format says what the code does.

#![allow(clippy::unwrap_used)]

use twogrpo_store::schema::markdown;

#[test]
fn the_page_holds_the_column_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/store-format.md");
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page.contains(&markdown()),
        "docs/store-format.md should hold:\n\n{}",
        markdown()
    );
}
