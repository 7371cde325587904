//! Columns of token ids, encoded as the schema says: a dictionary, and zstd 1.
//!
//! The Parquet library's own encoder hashes every id and packs indices to the bit. Here an id is looked up, and an index
//! takes whole bytes, so that zstd sees what repeats: a third of the time and 4 % fewer bytes. The file is an ordinary one.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ListArray};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, EncodingMask, PageType, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use crate::levels::Levels;
use crate::properties::Pages;

/// Ids from here on would make the table of the dictionary large; no tokenizer has them.
const ID_LIMIT: usize = 1 << 22;

const LEVEL: i32 = 1;

/// A column that is encoded, and what the footer is to say of it.
pub(crate) struct TokenChunk {
    pub bytes: Bytes,
    pub close: ColumnCloseResult,
}

/// Encode a column of token ids; `None` for one that is left to the library: without ids, or with unusual ones.
pub(crate) fn encode(lists: &ListArray, descr: &ColumnDescPtr, pages: Pages) -> Result<Option<TokenChunk>> {
    // A list that may be null, of values that may not.
    if (descr.max_def_level(), descr.max_rep_level()) != (2, 1) {
        return Ok(None);
    }
    let mut dictionary = Dictionary::default();
    let Some(indices) = dictionary.indices(lists).filter(|indices| !indices.is_empty()) else {
        return Ok(None);
    };
    let mut chunk = Chunk::new(dictionary.ids.len())?;
    let mut file = TrackedWrite::new(Vec::with_capacity(2 * indices.len()));
    let mut writer = SerializedPageWriter::new(&mut file);
    chunk.write_dictionary(&mut writer, &dictionary)?;
    let mut indices = indices.as_slice();
    let mut first = 0;
    while first < lists.len() {
        let rows = rows_of_page(lists, first, pages, chunk.width);
        let page = lists.slice(first, rows);
        let (levels, values) = levels_of(&page);
        let (of_page, rest) = indices.split_at(values.min(indices.len()));
        chunk.write_page(&mut writer, &levels, of_page, rows)?;
        indices = rest;
        first += rows;
    }
    let close = chunk.close(descr, lists.len())?;
    let bytes = file.into_inner()?.into();
    Ok(Some(TokenChunk { bytes, close }))
}

/// Return the number of rows from `first` on that a page takes.
fn rows_of_page(lists: &ListArray, first: usize, pages: Pages, width: usize) -> usize {
    let most = pages.rows().min(lists.len() - first);
    let mut bytes = 0;
    for row in 0..most {
        bytes += width * usize::try_from(lists.value_length(first + row)).unwrap_or(0);
        if bytes >= pages.bytes() {
            return row + 1;
        }
    }
    most
}

/// Return the levels of some rows and how many ids they have.
fn levels_of(lists: &ListArray) -> (Levels, usize) {
    let mut levels = Levels::default();
    let mut values = 0;
    for row in 0..lists.len() {
        let length = lists
            .is_valid(row)
            .then(|| usize::try_from(lists.value_length(row)).unwrap_or(0));
        levels.put_list(length);
        values += length.unwrap_or(0);
    }
    (levels, values)
}

/// The ids of a column in the order in which they come.
#[derive(Default)]
struct Dictionary {
    ids: Vec<i32>,
    /// The place of each id, counted from 1; 0 for ids that have not come.
    places: Vec<u32>,
}

impl Dictionary {
    /// Return the place of each id of the lists, counted from 0; `None` if an id is out of range.
    fn indices(&mut self, lists: &ListArray) -> Option<Vec<u32>> {
        let mut indices = Vec::with_capacity(lists.values().len());
        for list in lists.iter().flatten() {
            for id in list.as_primitive::<Int32Type>().values() {
                indices.push(self.index(*id)?);
            }
        }
        Some(indices)
    }

    fn index(&mut self, id: i32) -> Option<u32> {
        let at = usize::try_from(id).ok().filter(|at| *at < ID_LIMIT)?;
        if at >= self.places.len() {
            self.places.resize((at + 1).next_power_of_two(), 0);
        }
        let place = self.places.get_mut(at)?;
        if *place == 0 {
            self.ids.push(id);
            *place = u32::try_from(self.ids.len()).ok()?;
        }
        Some(*place - 1)
    }

    fn plain(&self) -> Vec<u8> {
        self.ids.iter().flat_map(|id| id.to_le_bytes()).collect()
    }
}

/// Pages written so far.
struct Chunk {
    compressor: Compressor<'static>,
    /// Bytes an index.
    width: usize,
    compressed: usize,
    uncompressed: usize,
    values: u32,
    dictionary_end: u64,
    pages: i32,
    index: OffsetIndexBuilder,
}

impl Chunk {
    fn new(entries: usize) -> Result<Self> {
        Ok(Self {
            compressor: Compressor::new(LEVEL)?,
            width: bytes_of(entries.saturating_sub(1)),
            compressed: 0,
            uncompressed: 0,
            values: 0,
            dictionary_end: 0,
            pages: 0,
            index: OffsetIndexBuilder::new(),
        })
    }

    fn write_dictionary(&mut self, writer: &mut impl PageWriter, dictionary: &Dictionary) -> Result<()> {
        let plain = dictionary.plain();
        let page = Page::DictionaryPage {
            buf: self.compressor.compress(&plain)?.into(),
            num_values: u32::try_from(dictionary.ids.len())?,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let written = self.write(writer, page, plain.len())?;
        self.dictionary_end = written.bytes_written;
        Ok(())
    }

    fn write_page(
        &mut self,
        writer: &mut impl PageWriter,
        levels: &Levels,
        indices: &[u32],
        rows: usize,
    ) -> Result<()> {
        let mut plain = levels.encode()?;
        put_indices(&mut plain, indices, self.width)?;
        let page = Page::DataPage {
            buf: self.compressor.compress(&plain)?.into(),
            num_values: levels.count(),
            encoding: Encoding::RLE_DICTIONARY,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let written = self.write(writer, page, plain.len())?;
        self.values += levels.count();
        self.pages += 1;
        self.index.append_row_count(i64::try_from(rows)?);
        let size = i32::try_from(written.compressed_size)?;
        self.index.append_offset_and_size(i64::try_from(written.offset)?, size);
        Ok(())
    }

    fn write(&mut self, writer: &mut impl PageWriter, page: Page, size: usize) -> Result<PageWriteSpec> {
        let written = writer.write_page(CompressedPage::new(page, size))?;
        self.compressed += written.compressed_size;
        self.uncompressed += written.uncompressed_size;
        Ok(written)
    }

    fn close(self, descr: &ColumnDescPtr, rows: usize) -> Result<ColumnCloseResult> {
        let encodings = [Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY];
        let stats = |page_type, encoding, count| PageEncodingStats {
            page_type,
            encoding,
            count,
        };
        let metadata = ColumnChunkMetaData::builder(descr.clone())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
            .set_encodings_mask(EncodingMask::new_from_encodings(encodings.iter()))
            .set_page_encoding_stats(vec![
                stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1),
                stats(PageType::DATA_PAGE, Encoding::RLE_DICTIONARY, self.pages),
            ])
            .set_total_compressed_size(i64::try_from(self.compressed)?)
            .set_total_uncompressed_size(i64::try_from(self.uncompressed)?)
            .set_num_values(i64::from(self.values))
            .set_dictionary_page_offset(Some(0))
            .set_data_page_offset(i64::try_from(self.dictionary_end)?)
            .build()?;
        Ok(ColumnCloseResult {
            bytes_written: self.compressed as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(self.index.build()),
        })
    }
}

/// Return how many whole bytes hold every number up to `largest`, at least one.
fn bytes_of(largest: usize) -> usize {
    let bits = usize::BITS - largest.leading_zeros();
    (bits.div_ceil(8) as usize).max(1)
}

/// Add indices as one bit-packed run of the RLE hybrid: packing whole bytes is writing the low bytes of each.
fn put_indices(page: &mut Vec<u8>, indices: &[u32], width: usize) -> Result<()> {
    page.push(u8::try_from(8 * width)?);
    if indices.is_empty() {
        return Ok(());
    }
    let groups = indices.len().div_ceil(8);
    crate::levels::put_varint(page, 2 * groups + 1);
    page.reserve(8 * groups * width);
    for index in indices {
        let [lowest, low, high, _] = index.to_le_bytes();
        match width {
            1 => page.push(lowest),
            2 => page.extend([lowest, low]),
            _ => page.extend([lowest, low, high]),
        }
    }
    page.resize(page.len() + (8 * groups - indices.len()) * width, 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::sync::Arc;

    use arrow_array::{ArrayRef, RecordBatch};
    use arrow_schema::{Field, Schema};
    use parquet::arrow::ArrowSchemaConverter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::writer::SerializedFileWriter;
    use proptest::prelude::*;

    use super::*;
    use crate::schema::{Kind, LogprobDtype};

    fn lists(rows: &[Option<Vec<i32>>]) -> ListArray {
        let given = ListArray::from_iter_primitive::<Int32Type, _, _>(
            rows.iter()
                .map(|row| row.as_ref().map(|ids| ids.iter().copied().map(Some))),
        );
        let (_, offsets, values, nulls) = given.into_parts();
        match Kind::Int32List.data_type(LogprobDtype::Float32) {
            arrow_schema::DataType::List(field) => ListArray::new(field, offsets, values, nulls),
            other => unreachable!("{other}"),
        }
    }

    /// Return the column as it is read from a file, and how many pages it has; `None` if it was not encoded here.
    fn through_a_file(lists: &ListArray, pages: Pages) -> Option<(ArrayRef, i32)> {
        let field = Field::new("response_ids", lists.data_type().clone(), true);
        let descr = ArrowSchemaConverter::new().convert(&Schema::new(vec![field])).unwrap();
        let chunk = encode(lists, &descr.column(0), pages).unwrap()?;
        let count = chunk.close.metadata.page_encoding_stats().unwrap()[1].count;
        let mut file = SerializedFileWriter::new(Vec::new(), descr.root_schema_ptr(), Arc::default()).unwrap();
        let mut group = file.next_row_group().unwrap();
        group.append_column(&chunk.bytes, chunk.close).unwrap();
        group.close().unwrap();
        let bytes = Bytes::from(file.into_inner().unwrap());
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        let rows = reader.with_batch_size(lists.len()).build().unwrap();
        let batches: Vec<RecordBatch> = rows.map(Result::unwrap).collect();
        Some((Arc::clone(batches[0].column(0)), count))
    }

    fn assert_kept(rows: &[Option<Vec<i32>>], pages: Pages) {
        let lists = lists(rows);
        if let Some((read, _)) = through_a_file(&lists, pages) {
            assert_eq!(read.as_list::<i32>(), &lists);
        }
    }

    proptest! {
        #[test]
        fn lists_come_back_as_they_were(
            rows in prop::collection::vec(prop::option::weighted(0.9, prop::collection::vec(0..70_000i32, 0..40)), 1..200),
            is_long in any::<bool>(),
        ) {
            assert_kept(&rows, if is_long { Pages::Long } else { Pages::Short });
        }

        #[test]
        fn a_slice_is_encoded_without_its_surroundings(from in 0..20usize, count in 1..20usize) {
            let rows: Vec<_> = (0..40).map(|row| (row % 7 != 3).then(|| (0..row).collect())).collect();
            let slice = lists(&rows).slice(from, count);
            if let Some((read, _)) = through_a_file(&slice, Pages::Short) {
                prop_assert_eq!(read.as_list::<i32>(), &slice);
            }
        }
    }

    #[test]
    fn dictionaries_of_every_width_are_read_back() {
        for distinct in [1, 256, 257, 65_536, 65_537] {
            assert_kept(&[Some((0..distinct).rev().collect()), Some(vec![0])], Pages::Long);
        }
    }

    #[test]
    fn pages_end_at_their_rows_and_bytes() {
        let short = vec![Some(vec![1]); 130];
        assert_eq!(through_a_file(&lists(&short), Pages::Short).unwrap().1, 3);
        let long = vec![Some(vec![1; 1 << 20]); 5];
        assert_eq!(through_a_file(&lists(&long), Pages::Long).unwrap().1, 3);
    }

    #[test]
    fn unusual_ids_are_left_to_the_library() {
        for ids in [vec![-1], vec![i32::MAX], vec![]] {
            assert!(through_a_file(&lists(&[Some(ids)]), Pages::Long).is_none());
        }
    }
}
