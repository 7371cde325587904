//! Any table that means the same becomes the same rows; anything else is refused by name.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod rows;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray, StringViewArray, UInt32Array};
use arrow_cast::cast;
use arrow_schema::{DataType, Field};
use arrow_select::take::take_record_batch;
use proptest::prelude::*;
use proptest::sample::select;
use rows::rows;
use twogrpo_store::schema::LogprobDtype;
use twogrpo_store::{DataError, Place, Stream, conform, content_hash, prompt_id};

fn place() -> Place {
    Place {
        stream: Stream::new("r", "w0").unwrap(),
        attempt: 1,
        step: 3,
        phase: "train".to_owned(),
        now_us: 1_700_000_000_000_000,
        logprobs: LogprobDtype::Float32,
    }
}

fn with(name: &str, column: ArrayRef) -> RecordBatch {
    let table = rows(0);
    let mut columns: Vec<(String, ArrayRef)> = table
        .schema()
        .fields()
        .iter()
        .zip(table.columns())
        .map(|(field, column)| (field.name().clone(), Arc::clone(column)))
        .filter(|(found, _)| found != name)
        .collect();
    columns.push((name.to_owned(), column));
    RecordBatch::try_from_iter(columns).unwrap()
}

fn without(name: &str) -> RecordBatch {
    let table = rows(0);
    let kept: Vec<usize> = (0..table.num_columns())
        .filter(|at| table.schema().field(*at).name() != name)
        .collect();
    table.project(&kept).unwrap()
}

fn column(name: &str) -> ArrayRef {
    Arc::clone(rows(0).column_by_name(name).unwrap())
}

fn large_list(values: DataType) -> DataType {
    DataType::LargeList(Arc::new(Field::new("item", values, true)))
}

fn integers() -> impl Strategy<Value = DataType> {
    use DataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
    select(vec![Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64])
}

fn texts() -> impl Strategy<Value = DataType> {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    select(vec![
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        dictionary,
    ])
}

proptest! {
    #[test]
    fn order_and_width_of_the_input_do_not_matter(
        order in Just(vec![0_u32, 1, 2, 3]).prop_shuffle(),
        group in integers(),
        member in integers(),
        text in texts(),
        token in select(vec![DataType::Int32, DataType::Int64, DataType::UInt32]),
        float in select(vec![DataType::Float32, DataType::Float64]),
    ) {
        let types = [group, member, text, float.clone(), large_list(token), large_list(float)];
        let given = rows(0);
        let columns = given.schema().fields().iter().zip(given.columns()).zip(types)
            .map(|((field, column), wanted)| (field.name().clone(), cast(column, &wanted).unwrap()))
            .collect::<Vec<_>>();
        let given = RecordBatch::try_from_iter(columns).unwrap();
        let given = take_record_batch(&given, &UInt32Array::from(order)).unwrap();
        prop_assert_eq!(conform(&given, &place()).unwrap(), conform(&rows(0), &place()).unwrap());
    }

    #[test]
    fn the_content_hash_follows_the_values(salt in 1..1000) {
        let hash = |salt| content_hash(&conform(&rows(salt), &place()).unwrap()).unwrap();
        prop_assert_ne!(hash(0), hash(salt));
    }
}

#[test]
fn the_time_of_an_append_is_no_part_of_the_content_hash() {
    let later = Place { now_us: 1, ..place() };
    let hash = |place| content_hash(&conform(&rows(0), place).unwrap()).unwrap();
    assert_eq!(hash(&place()), hash(&later));
}

#[test]
fn a_required_column_is_asked_for_by_name() {
    for name in ["group_id", "rollout_idx", "reward", "prompt"] {
        assert_eq!(conform(&without(name), &place()), Err(DataError::Missing(name)));
    }
    assert_eq!(
        conform(&without("response_ids"), &place()),
        Err(DataError::Missing("response"))
    );
}

#[test]
fn an_unknown_column_is_refused_by_name() {
    let given = with("num_tokens", column("group_id"));
    assert_eq!(
        conform(&given, &place()),
        Err(DataError::Unknown("num_tokens".to_owned()))
    );
}

#[test]
fn a_single_score_is_kept() {
    let given = with("reward_format", Arc::new(Float32Array::from(vec![1.0; 4])));
    let conformed = conform(&given, &place()).unwrap();
    let (reward, _) = conformed.schema().column_with_name("reward").unwrap();
    assert_eq!(conformed.schema().field(reward + 1).name(), "reward_format");
}

#[test]
fn a_rollout_given_twice_is_refused() {
    let given = with("rollout_idx", Arc::new(Int64Array::from(vec![0, 0, 0, 1])));
    let expected = DataError::Duplicate {
        group_id: 4,
        rollout_idx: 0,
        first: 0,
        second: 1,
    };
    assert_eq!(conform(&given, &place()), Err(expected));
}

#[test]
fn a_number_that_does_not_fit_is_refused() {
    let given = with("rollout_idx", Arc::new(Int64Array::from(vec![0, 1, 0, 70_000])));
    assert!(matches!(conform(&given, &place()), Err(DataError::Type { column, .. }) if column == "rollout_idx"));
}

#[test]
fn a_text_is_no_number() {
    let given = with("reward", Arc::new(StringArray::from(vec!["1"; 4])));
    assert!(matches!(conform(&given, &place()), Err(DataError::Type { column, .. }) if column == "reward"));
}

#[test]
fn a_reward_that_is_not_finite_is_refused_with_its_row() {
    let given = with("reward", Arc::new(Float32Array::from(vec![0.0, f32::NAN, 0.0, 0.0])));
    assert!(matches!(
        conform(&given, &place()),
        Err(DataError::Value { row: 1, .. })
    ));
}

#[test]
fn logprobs_of_another_length_than_the_response_are_refused() {
    let shifted = take_record_batch(&rows(0), &UInt32Array::from(vec![1, 0, 2, 3])).unwrap();
    let given = with("logprobs", Arc::clone(shifted.column_by_name("logprobs").unwrap()));
    assert!(matches!(conform(&given, &place()), Err(DataError::Value { column, row: 0, .. }) if column == "logprobs"));
}

#[test]
fn a_prompt_id_stands_for_a_prompt() {
    let ids: ArrayRef = Arc::new(StringViewArray::from(vec!["p", "p", "q", "q"]));
    let table = without("prompt");
    let mut columns: Vec<(String, ArrayRef)> = vec![("prompt_id".to_owned(), ids)];
    columns.extend(
        table
            .schema()
            .fields()
            .iter()
            .zip(table.columns())
            .map(|(f, c)| (f.name().clone(), Arc::clone(c))),
    );
    let conformed = conform(&RecordBatch::try_from_iter(columns).unwrap(), &place()).unwrap();
    assert_eq!(conformed["prompt"].null_count(), 4);
    assert_eq!(
        conformed["prompt_id"].as_ref(),
        &StringArray::from(vec!["p", "p", "q", "q"]) as &dyn Array
    );
}

#[test]
fn a_prompt_id_is_made_of_data_set_and_prompt() {
    let given = with("dataset", Arc::new(StringArray::from(vec!["d"; 4])));
    let conformed = conform(&given, &place()).unwrap();
    let id = prompt_id("d", "1+1");
    assert_eq!(
        conformed["prompt_id"].slice(0, 1).as_ref(),
        &StringArray::from(vec![id.as_str()]) as &dyn Array
    );
}

#[test]
fn a_step_that_disagrees_with_the_append_is_refused() {
    let given = with("step", Arc::new(Int64Array::from(vec![9; 4])));
    assert!(matches!(conform(&given, &place()), Err(DataError::Value { column, .. }) if column == "step"));
}

#[test]
fn an_empty_table_is_refused() {
    assert_eq!(conform(&rows(0).slice(0, 0), &place()), Err(DataError::Empty));
}
