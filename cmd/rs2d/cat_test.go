package main

import "testing"

func TestParseRange(t *testing.T) {
	tests := []struct {
		name, text    string
		length        uint64
		offset, count uint64
		fails         bool
	}{
		{name: "both ends", text: "2-5", length: 10, offset: 2, count: 4},
		{name: "one byte", text: "0-0", length: 10, offset: 0, count: 1},
		{name: "last byte", text: "9-9", length: 10, offset: 9, count: 1},
		{name: "to the end", text: "7-", length: 10, offset: 7, count: 3},
		{name: "suffix", text: "-3", length: 10, offset: 7, count: 3},
		{name: "suffix longer than the blob", text: "-30", length: 10, offset: 0, count: 10},
		{name: "cut at the end", text: "7-99", length: 10, offset: 7, count: 3},
		{name: "largest number", text: "1-18446744073709551615", length: 10, offset: 1, count: 9},
		{name: "begins at the end", text: "10-", length: 10, fails: true},
		{name: "begins beyond", text: "11-12", length: 10, fails: true},
		{name: "backwards", text: "5-2", length: 10, fails: true},
		{name: "no bytes", text: "-0", length: 10, fails: true},
		{name: "empty blob", text: "0-0", length: 0, fails: true},
		{name: "suffix of an empty blob", text: "-1", length: 0, fails: true},
		{name: "nothing", text: "-", length: 10, fails: true},
		{name: "no dash", text: "5", length: 10, fails: true},
		{name: "no number", text: "a-b", length: 10, fails: true},
		{name: "signs", text: "+1-2", length: 10, fails: true},
		{name: "three numbers", text: "1-2-3", length: 10, fails: true},
		{name: "beyond 64 bits", text: "0-18446744073709551616", length: 10, fails: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			offset, count, err := parseRange(test.text, test.length)
			if (err != nil) != test.fails {
				t.Fatalf("error: %v", err)
			}
			if err == nil && (offset != test.offset || count != test.count) {
				t.Errorf("offset %d, count %d; want %d, %d", offset, count, test.offset, test.count)
			}
		})
	}
}

// FuzzParseRange reads any text as a range: what is accepted lies within the blob.
func FuzzParseRange(f *testing.F) {
	for _, text := range []string{"", "-", "2-5", "7-", "-3", "1-18446744073709551615", "-18446744073709551615", "0-0-0", "+1-2"} {
		f.Add(text, uint64(10))
	}
	f.Add("0-", uint64(1<<63))
	f.Fuzz(func(t *testing.T, text string, length uint64) {
		offset, count, err := parseRange(text, length)
		if err == nil && (count == 0 || offset >= length || count > length-offset) {
			t.Fatalf("--range %s of %d bytes: %d from %d", text, length, count, offset)
		}
	})
}
