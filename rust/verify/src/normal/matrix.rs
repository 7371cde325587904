//! Sums of matrices, as the matrix of the sums of their entries.

use crate::ast::Ast;

/// Returns the rows of a matrix, and whether it is taken negative.
pub(super) fn matrix_of(term: &Ast) -> Option<(&Vec<Vec<Ast>>, bool)> {
    match term {
        Ast::Matrix(rows) => Some((rows, false)),
        Ast::Neg(inner) => matrix_of(inner).map(|(rows, is_negative)| (rows, !is_negative)),
        _ => None,
    }
}

/// Returns the matrix whose entries are sums; none if the terms are not all matrices of one shape.
pub(super) fn sum_of_matrices(terms: &[Ast]) -> Option<Ast> {
    let matrices: Vec<_> = terms.iter().map(matrix_of).collect::<Option<_>>()?;
    let (first, _) = matrices.first()?;
    let is_alike = |rows: &[Vec<Ast>]| rows.iter().map(Vec::len).eq(first.iter().map(Vec::len));
    if !matrices.iter().all(|(rows, _)| is_alike(rows)) {
        return None;
    }
    let entry = |row: usize, column: usize| {
        let entries = matrices.iter().filter_map(|(rows, is_negative)| {
            let entry = rows.get(row)?.get(column)?.clone();
            Some(if *is_negative { Ast::Neg(Box::new(entry)) } else { entry })
        });
        Ast::Sum(entries.collect())
    };
    let rows = first.iter().enumerate();
    Some(Ast::Matrix(
        rows.map(|(row, entries)| (0..entries.len()).map(|column| entry(row, column)).collect())
            .collect(),
    ))
}
