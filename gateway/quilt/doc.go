// Package quilt packs many files into one blob, as Walrus does (Quilt, version 1), bit
// for bit.
//
// A quilt is an ordinary blob. Its bytes are the message matrix of the code, P = n-2f
// rows of S = n-f symbols, and what is in it is written down the columns: first an
// index, then each file from a column of its own on. Columns of the matrix are the
// first S secondary slivers, uncoded. So whoever wants one file reads the slivers of
// its columns, and nothing else; and files too small to be worth slivers of their own
// share those of one blob.
//
// [Encode] makes a quilt. [Reader] reads from one, by identifier or by [PatchID], by
// way of a function that fetches columns.
//
// What is read is not believed before it was checked. But the commitments of a blob say
// nothing of where files begin: a patch id that somebody made up can point into the
// middle of a file, and reads what is there if it looks like a patch.
package quilt
