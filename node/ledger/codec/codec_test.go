package codec

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

type inner struct {
	A uint16
	B []byte
}

type sample struct {
	Flag   bool
	Small  uint8
	Medium uint32
	Large  uint64
	Fixed  [3]byte
	Text   string
	Maybe  *uint32
	List   []inner
	Pair   [2]uint16
}

func TestForm(t *testing.T) {
	seven := uint32(7)
	v := sample{true, 2, 3, 4, [3]byte{5, 6, 7}, "hé", &seven, []inner{{1, nil}, {2, []byte{9}}}, [2]uint16{8, 9}}
	const want = "01" + "02" + "03000000" + "0400000000000000" + "050607" + "0368c3a9" + "0107000000" + "02" + "010000" + "02000109" + "08000900"
	data := Marshal(v)
	if got := hex.EncodeToString(data); got != want {
		t.Fatalf("form %s, want %s", got, want)
	}
	var back sample
	if err := Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, v) {
		t.Fatalf("read %+v (%v), want %+v", back, err, v)
	}
	for cut := range data {
		if err := Unmarshal(data[:cut], &back); !errors.Is(err, ErrMalformed) {
			t.Errorf("the first %d bytes: error %v, want ErrMalformed", cut, err)
		}
	}
	for _, test := range []struct {
		name string
		at   int
		to   byte
	}{{"boolean", 0, 2}, {"text that is not UTF-8", 19, 0x20}, {"pointer", 21, 2}, {"length beyond the end", 26, 0xff}} {
		bad := bytes.Clone(data)
		bad[test.at] = test.to
		if err := Unmarshal(bad, &back); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", test.name, err)
		}
	}
	if err := Unmarshal(append(data, 0), &back); !errors.Is(err, ErrMalformed) {
		t.Errorf("a byte more: error %v, want ErrMalformed", err)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Make[sample]().Draw(t, "value")
		v.Text = rapid.String().Draw(t, "text")
		var back sample
		data := Marshal(v)
		if err := Unmarshal(data, &back); err != nil || !bytes.Equal(Marshal(back), data) {
			t.Fatalf("read %+v (%v), wrote %+v", back, err, v)
		}
	})
}

// FuzzUnmarshal: what is read has the form that was read.
func FuzzUnmarshal(f *testing.F) {
	f.Add(Marshal(sample{List: []inner{{1, nil}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v sample
		if err := Unmarshal(data, &v); err == nil && !bytes.Equal(Marshal(v), data) {
			t.Fatalf("% x was read as %+v, whose form is % x", data, v, Marshal(v))
		}
	})
}
