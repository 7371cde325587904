//! The verifier, for one answer and for Arrow columns of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float32Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use pyo3::prelude::*;
use pyo3_arrow::PyTable;
use pyo3_arrow::input::AnyArray;
use rayon::prelude::*;
use twogrpo_verify::{ExtractionRule, Mode, Options, Profile, Search, UnknownRule, Verdict};

use crate::error::VerifyError;
use crate::pool;
use crate::texts::{Golds, Texts, chunks};

/// Rows between two looks at pending signals.
const ROWS_PER_SIGNAL_CHECK: usize = 65_536;
/// Handing fewer rows than this to other threads costs more than verifying them.
const MIN_PARALLEL_ROWS: usize = 64;

/// A verdict with its reasons.
#[pyclass(name = "Verdict", module = "twogrpo._core", frozen, eq)]
#[derive(PartialEq)]
pub struct PyVerdict {
    #[pyo3(get)]
    correct: bool,
    #[pyo3(get)]
    status: &'static str,
    #[pyo3(get)]
    rule: Option<&'static str>,
    #[pyo3(get)]
    extracted: Option<String>,
    #[pyo3(get)]
    extraction: Option<&'static str>,
    #[pyo3(get)]
    span: Option<(usize, usize)>,
    #[pyo3(get)]
    candidates: usize,
    #[pyo3(get)]
    fuel: u64,
    #[pyo3(get)]
    reward: Option<f32>,
    #[pyo3(get)]
    profile: &'static str,
    /// The first gold answer and how it was judged: the forms are only made when they are asked for.
    gold: Option<String>,
    judge: Judge,
}

#[pymethods]
impl PyVerdict {
    fn __repr__(&self) -> String {
        let python = |text: Option<&str>| text.map_or_else(|| "None".to_owned(), |text| format!("{text:?}"));
        format!(
            "Verdict(correct={}, status={:?}, rule={}, extracted={}, reward={})",
            if self.correct { "True" } else { "False" },
            self.status,
            python(self.rule),
            python(self.extracted.as_deref()),
            self.reward
                .map_or_else(|| "None".to_owned(), |reward| format!("{reward:?}")),
        )
    }

    #[getter]
    fn pred_form(&self) -> Option<String> {
        let extracted = self.extracted.as_deref()?;
        unless_it_panics(|| twogrpo_verify::pred_form(extracted))
    }

    #[getter]
    fn gold_form(&self) -> Option<String> {
        let gold = self.gold.as_deref().filter(|_| self.extracted.is_some())?;
        unless_it_panics(|| twogrpo_verify::gold_form(gold, self.judge.options.mode, self.judge.search()))
    }
}

fn unless_it_panics(form: impl FnOnce() -> Option<String>) -> Option<String> {
    catch_unwind(AssertUnwindSafe(form)).unwrap_or_default()
}

impl PyVerdict {
    fn new(verdict: Verdict, response: &str, gold: Option<String>, judge: Judge) -> Self {
        let characters = |end: usize| response.get(..end).map_or(0, |text| text.chars().count());
        Self {
            correct: verdict.is_correct(),
            status: verdict.status.name(),
            rule: verdict.rule,
            reward: verdict.reward(),
            extracted: verdict.extracted,
            extraction: verdict.extraction,
            span: verdict.span.map(|span| (characters(span.start), characters(span.end))),
            candidates: verdict.candidates,
            fuel: verdict.fuel,
            profile: judge.options.profile.name(),
            gold,
            judge,
        }
    }
}

/// How the rows of one call are verified.
#[derive(PartialEq)]
struct Judge {
    options: Options,
    /// The extraction rules that were asked for instead of the profile's.
    rules: Option<Vec<ExtractionRule>>,
}

impl Judge {
    fn new(profile: &str, mode: &str, extract: Option<Vec<String>>) -> PyResult<Self> {
        let rules = extract.map(|names| names.iter().map(|name| name.parse()).collect::<Result<Vec<_>, _>>());
        let rules = rules
            .transpose()
            .map_err(|unknown: UnknownRule| VerifyError::new_err(unknown.to_string()))?;
        if rules.as_ref().is_some_and(Vec::is_empty) {
            return Err(VerifyError::new_err(
                "extract names no rule; leave it out for the profile's own",
            ));
        }
        Ok(Self {
            options: options(profile, mode)?,
            rules,
        })
    }

    fn search(&self) -> Search<'_> {
        let own = Search::of(self.options.profile.extraction());
        Search {
            rules: self.rules.as_deref().unwrap_or(own.rules),
            ..own
        }
    }

    /// Returns the verdict on one row, `error` where judging it panicked.
    fn verdict(&self, response: &str, golds: &[&str], prompt: Option<&str>) -> Verdict {
        let search = Search {
            prompt_bytes: prompt.map_or(0, |prompt| twogrpo_verify::prompt_bytes(response, prompt)),
            ..self.search()
        };
        twogrpo_verify::verify_in_guarded(response, golds, self.options, search)
    }
}

/// Return the verdict on one response; a match if it equals any of the gold answers.
#[pyfunction]
#[pyo3(signature = (response, golds, profile, mode, extract=None, prompt=None))]
pub fn verify(
    py: Python<'_>,
    response: &str,
    golds: Vec<String>,
    profile: &str,
    mode: &str,
    extract: Option<Vec<String>>,
    prompt: Option<&str>,
) -> PyResult<PyVerdict> {
    let judge = Judge::new(profile, mode, extract)?;
    let borrowed: Vec<&str> = golds.iter().map(String::as_str).collect();
    let verdict = py.detach(|| judge.verdict(response, &borrowed, prompt));
    Ok(PyVerdict::new(verdict, response, golds.into_iter().next(), judge))
}

/// Return a table of verdicts, one row a response, from Arrow arrays of text and of text or lists of text.
#[pyfunction]
#[pyo3(signature = (responses, golds, profile, mode, extract=None, prompts=None))]
pub fn verify_batch(
    py: Python<'_>,
    responses: AnyArray,
    golds: AnyArray,
    profile: &str,
    mode: &str,
    extract: Option<Vec<String>>,
    prompts: Option<AnyArray>,
) -> PyResult<PyTable> {
    let judge = Judge::new(profile, mode, extract)?;
    let (responses, golds) = (chunks(responses)?, chunks(golds)?);
    let responses = Texts::read(&responses, "responses")?;
    let golds = Golds::read(&golds, "golds")?;
    check_rows("golds", golds.len(), responses.len())?;
    let prompts = prompts.map(chunks).transpose()?;
    let prompts = prompts
        .as_ref()
        .map(|prompts| Texts::read(prompts, "prompts"))
        .transpose()?;
    if let Some(prompts) = &prompts {
        check_rows("prompts", prompts.len(), responses.len())?;
    }
    let verdicts = verdicts(py, responses.len(), |row| {
        let prompt = prompts.as_ref().map(|prompts| prompts.get(row));
        judge.verdict(responses.get(row), golds.get(row), prompt)
    })?;
    table(&verdicts)
}

fn check_rows(name: &str, found: usize, rows: usize) -> PyResult<()> {
    if found == rows {
        return Ok(());
    }
    let one = name.trim_end_matches('s');
    Err(VerifyError::new_err(format!(
        "responses has {rows} rows and {name} {found}; give one {one} a response"
    )))
}

/// Return the kind of each bare answer of an Arrow array of text.
#[pyfunction]
pub fn answer_kinds(py: Python<'_>, answers: AnyArray) -> PyResult<Vec<&'static str>> {
    let chunks = chunks(answers)?;
    let answers = Texts::read(&chunks, "answers")?;
    let mut kinds = Vec::with_capacity(answers.len());
    for start in (0..answers.len()).step_by(ROWS_PER_SIGNAL_CHECK) {
        let part = start..answers.len().min(start + ROWS_PER_SIGNAL_CHECK);
        kinds.extend(py.detach(|| {
            part.map(|row| twogrpo_verify::kind_guarded(answers.get(row)).name())
                .collect::<Vec<_>>()
        }));
        py.check_signals()?;
    }
    Ok(kinds)
}

/// Return the version of the verifier.
#[pyfunction]
pub const fn verifier_version() -> &'static str {
    twogrpo_verify::VERSION
}

/// Return the names of the profiles.
#[pyfunction]
pub fn verifier_profiles() -> Vec<&'static str> {
    Profile::ALL.into_iter().map(Profile::name).collect()
}

fn options(profile: &str, mode: &str) -> PyResult<Options> {
    let profile = profile
        .parse::<Profile>()
        .map_err(|unknown| VerifyError::new_err(unknown.to_string()))?;
    let mode = match mode {
        "response" => Mode::Response,
        "answer" => Mode::Answer,
        "text" => Mode::Text,
        _ => {
            return Err(VerifyError::new_err(format!(
                "mode={mode:?} is unknown; use one of response, answer, text"
            )));
        }
    };
    Ok(Options {
        profile,
        mode,
        has_forms: false,
    })
}

/// Returns the verdicts in the order of the rows, without the GIL.
fn verdicts(py: Python<'_>, rows: usize, verdict: impl Fn(usize) -> Verdict + Sync) -> PyResult<Vec<Verdict>> {
    let pool = if rows < MIN_PARALLEL_ROWS {
        None
    } else {
        pool::current()?
    };
    let verdict = &verdict;
    let mut verdicts = Vec::with_capacity(rows);
    for start in (0..rows).step_by(ROWS_PER_SIGNAL_CHECK) {
        let part = start..rows.min(start + ROWS_PER_SIGNAL_CHECK);
        let done: Vec<Verdict> = py.detach(|| match &pool {
            Some(pool) => pool.install(|| part.into_par_iter().map(verdict).collect()),
            None => part.map(verdict).collect(),
        });
        verdicts.extend(done);
        py.check_signals()?;
    }
    Ok(verdicts)
}

fn table(verdicts: &[Verdict]) -> PyResult<PyTable> {
    let correct: BooleanArray = verdicts.iter().map(|verdict| Some(verdict.is_correct())).collect();
    let status: StringArray = verdicts.iter().map(|verdict| Some(verdict.status.name())).collect();
    let rule: StringArray = verdicts.iter().map(|verdict| verdict.rule).collect();
    let extracted: StringArray = verdicts.iter().map(|verdict| verdict.extracted.as_deref()).collect();
    let reward: Float32Array = verdicts.iter().map(Verdict::reward).collect();
    let schema = Arc::new(Schema::new(vec![
        Field::new("correct", DataType::Boolean, false),
        Field::new("status", DataType::Utf8, false),
        Field::new("rule", DataType::Utf8, true),
        Field::new("extracted", DataType::Utf8, true),
        Field::new("reward", DataType::Float32, true),
    ]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(correct),
        Arc::new(status),
        Arc::new(rule),
        Arc::new(extracted),
        Arc::new(reward),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
        .map_err(|error| VerifyError::new_err(format!("the verdicts make no table: {error}")))?;
    PyTable::try_new(vec![batch], schema)
}
