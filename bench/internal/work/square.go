package work

import (
	"github.com/celestiaorg/rsmt2d"
)

// ShareSize is the size of a share in the squares, which is Celestia's.
const ShareSize = 512

// ExtendSquare extends a square of width × width shares to twice the width with
// rsmt2d, and computes the roots of all rows and columns. rsmt2d takes as many
// goroutines as there are rows.
func ExtendSquare(a *Arena, codec rsmt2d.Codec, width int) *Op {
	shares := squareShares(a, width)
	return &Op{Bytes: int64(width * width * ShareSize), Run: func() error {
		square, err := rsmt2d.ComputeExtendedDataSquare(shares, codec, rsmt2d.NewDefaultTree)
		if err != nil {
			return err
		}
		_, err = square.Roots()
		return err
	}}
}

// RepairSquare restores a square of which a random quarter is left.
func RepairSquare(a *Arena, codec rsmt2d.Codec, width int) (*Op, error) {
	square, err := rsmt2d.ComputeExtendedDataSquare(squareShares(a, width), codec, rsmt2d.NewDefaultTree)
	if err != nil {
		return nil, err
	}
	rows, err := square.RowRoots()
	if err != nil {
		return nil, err
	}
	columns, err := square.ColRoots()
	if err != nil {
		return nil, err
	}
	// The quarter is a square of random rows and random columns, so that each of
	// these rows, and then every column, is one decode at the largest loss.
	random := Random(uint64(width))
	kept := make([][]byte, 4*width*width)
	right := random.Perm(2 * width)[:width]
	for _, row := range random.Perm(2 * width)[:width] {
		for _, column := range right {
			kept[row*2*width+column] = square.GetCell(uint(row), uint(column))
		}
	}
	return &Op{Bytes: int64(width * width * ShareSize), Run: func() error {
		cells := append([][]byte(nil), kept...)
		damaged, err := rsmt2d.ImportExtendedDataSquare(cells, codec, rsmt2d.NewDefaultTree)
		if err != nil {
			return err
		}
		return damaged.Repair(rows, columns)
	}}, nil
}

func squareShares(a *Arena, width int) [][]byte {
	shares := a.Shards(width*width, ShareSize)
	for i, share := range shares {
		Fill(share, byte(i))
	}
	return shares
}
