//! The pages of a column of token ids: one of the dictionary, then those of the indices.

use parquet::basic::{Compression, Encoding, EncodingMask, PageType, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder, PageEncodingStats};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use crate::dictionary::{Dictionary, put_indices};
use crate::levels::Levels;

const LEVEL: i32 = 1;

/// Pages written so far, and what the footer is to say of them.
pub(crate) struct TokenPages {
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

impl TokenPages {
    /// Begin with the dictionary.
    pub fn begin(writer: &mut impl PageWriter, dictionary: &Dictionary) -> Result<Self> {
        let mut pages = Self {
            compressor: Compressor::new(LEVEL)?,
            width: dictionary.width(),
            compressed: 0,
            uncompressed: 0,
            values: 0,
            dictionary_end: 0,
            pages: 0,
            index: OffsetIndexBuilder::new(),
        };
        pages.write_dictionary(writer, dictionary)?;
        Ok(pages)
    }

    /// Return the bytes that an index takes.
    pub const fn width(&self) -> usize {
        self.width
    }

    fn write_dictionary(&mut self, writer: &mut impl PageWriter, dictionary: &Dictionary) -> Result<()> {
        let plain = dictionary.plain();
        let page = Page::DictionaryPage {
            buf: self.compressor.compress(&plain)?.into(),
            num_values: u32::try_from(dictionary.len())?,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let written = self.put(writer, page, plain.len())?;
        self.dictionary_end = written.bytes_written;
        Ok(())
    }

    /// Write the page of some rows.
    pub fn write(&mut self, writer: &mut impl PageWriter, levels: &Levels, indices: &[u32], rows: usize) -> Result<()> {
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
        let written = self.put(writer, page, plain.len())?;
        self.values += levels.count();
        self.pages += 1;
        self.index.append_row_count(i64::try_from(rows)?);
        let size = i32::try_from(written.compressed_size)?;
        self.index.append_offset_and_size(i64::try_from(written.offset)?, size);
        Ok(())
    }

    fn put(&mut self, writer: &mut impl PageWriter, page: Page, size: usize) -> Result<PageWriteSpec> {
        let written = writer.write_page(CompressedPage::new(page, size))?;
        self.compressed += written.compressed_size;
        self.uncompressed += written.uncompressed_size;
        Ok(written)
    }

    /// Return what the footer says of the column.
    pub fn close(self, descr: &ColumnDescPtr, rows: usize) -> Result<ColumnCloseResult> {
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
