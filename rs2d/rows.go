package rs2d

import (
	"bytes"

	"github.com/redstuff-go/redstuff/commit"
)

// CheckRows makes sure of the same as Decode does, for slivers that need no decoding:
// rows are the primary slivers that hold bytes of the blob, one after another. If they
// pass, their first meta.Length bytes are the blob. CheckNone lets everything pass.
//
// The error is ErrSize if rows have another length, ErrRoot if they do not pass, which
// tells nothing about the slivers or the blob; ErrCheck, or one of those that metadata
// is refused with, see [Code.VerifySliver].
func (c *Code) CheckRows(meta *commit.Metadata, rows []byte, check Check) error {
	if check > CheckNone {
		return ErrCheck
	}
	size, err := c.checkMetadata(meta)
	if err != nil {
		return err
	}
	d := &decoding{c: c, meta: meta, size: size, row: c.params.S * size}
	d.live = int((meta.Length + uint64(d.row) - 1) / uint64(d.row))
	if len(rows) != d.live*d.row {
		return ErrSize
	}
	if check == CheckNone {
		return nil
	}
	d.zeros = make([]byte, d.row)
	// What is decoded past the end is zeroed, but what was given is only read.
	padding := rows[meta.Length:]
	if !bytes.Equal(padding, d.zeros[:len(padding)]) || !d.passes(rows, check) {
		return ErrRoot
	}
	return nil
}
