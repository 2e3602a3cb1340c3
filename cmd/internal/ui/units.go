// Package ui is what the commands show people: units, tables and progress.
package ui

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
)

// Bytes writes a number of bytes in binary units, such as 1.5 MiB.
func Bytes[T int | int64 | uint64](n T) string {
	if n < 0 {
		return "-" + humanize.IBytes(uint64(-n))
	}
	return humanize.IBytes(uint64(n))
}

// Count writes a number with a comma between thousands.
func Count[T int | int64 | uint64](n T) string { return humanize.Comma(int64(n)) }

// Several writes how many there are of something: "1 file", "2 files".
func Several(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return Count(n) + " " + of + "s"
}

// Duration writes a time span in three digits.
func Duration(d time.Duration) string {
	switch {
	case d >= 100*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return Digits(d.Seconds()) + " s"
	case d >= time.Millisecond:
		return Digits(d.Seconds()*1e3) + " ms"
	default:
		return Digits(d.Seconds()*1e6) + " µs"
	}
}

// MBps returns a rate in units of 10⁶ bytes a second, and 0 for no time at all.
func MBps(bytes int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(bytes) / 1e6 / d.Seconds()
}

// Rate writes a rate, in decimal units.
func Rate(bytes int64, d time.Duration) string {
	v := MBps(bytes, d)
	switch {
	case d <= 0:
		return "-"
	case v >= 1000:
		return Digits(v/1000) + " GB/s"
	case v < 1:
		return Digits(v*1000) + " kB/s"
	}
	return Digits(v) + " MB/s"
}

// Ratio writes how many times a is b.
func Ratio(a, b int64) string {
	if b == 0 {
		return "-"
	}
	return Digits(float64(a)/float64(b)) + "×"
}

// Digits writes v with three significant digits, and all those before the point.
func Digits(v float64) string {
	decimals := 0
	if v > 0 {
		decimals = min(max(2-int(math.Floor(math.Log10(v))), 0), 3)
	}
	return fmt.Sprintf("%.*f", decimals, v)
}

// Table writes rows of cells in aligned columns.
type Table struct{ w *tabwriter.Writer }

// NewTable returns a table that Flush writes to w.
func NewTable(w io.Writer) *Table {
	return &Table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
}

// Row adds a row.
func (t *Table) Row(cells ...string) {
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

// Flush writes the table.
func (t *Table) Flush() error { return t.w.Flush() }
