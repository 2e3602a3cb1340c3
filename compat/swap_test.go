package compat

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/klauspost/reedsolomon"
	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// Each interface is the other package's in both directions: none has a method more.
var (
	_ reedsolomon.Encoder       = rs.Encoder(nil)
	_ rs.Encoder                = reedsolomon.Encoder(nil)
	_ reedsolomon.Extensions    = rs.Extensions(nil)
	_ rs.Extensions             = reedsolomon.Extensions(nil)
	_ reedsolomon.StreamEncoder = rs.StreamEncoder(nil)
	_ rs.StreamEncoder          = reedsolomon.StreamEncoder(nil)

	_ rs.Encoder       = (*rs.Codec)(nil)
	_ rs.Extensions    = (*rs.Codec)(nil)
	_ rs.StreamEncoder = (*rs.Stream)(nil)
)

// newEncoder and newStream are functions of a program that was written for
// klauspost/reedsolomon, with the one line changed.
func newEncoder(k, m int) (reedsolomon.Encoder, error) {
	return rs.NewEncoder(k, m)
}

func newStream(k, m int) (reedsolomon.StreamEncoder, error) {
	return rs.NewStreamEncoder(k, m)
}

// program is written for klauspost/reedsolomon; a parameter of it is its New.
func program(newEncoder func(k, m int) (reedsolomon.Encoder, error), k, m int, data []byte) ([][]byte, error) {
	enc, err := newEncoder(k, m)
	if err != nil {
		return nil, err
	}
	shards, err := enc.Split(data)
	if err != nil {
		return nil, err
	}
	ext := enc.(reedsolomon.Extensions)
	if ext.TotalShards() != k+m || ext.DataShards() != k || ext.ParityShards() != m || ext.ShardSizeMultiple() != 64 {
		return nil, errors.New("figures of the encoder are wrong")
	}
	if err := enc.Encode(shards); err != nil {
		return nil, err
	}
	lost := shards[0]
	shards[0] = nil
	if err := enc.Reconstruct(shards); err != nil {
		return nil, err
	}
	if !bytes.Equal(shards[0], lost) {
		return nil, errors.New("shard 0 came back with other bytes")
	}
	return shards, nil
}

// TestOneLine runs a program with the one line as it was and as it is.
func TestOneLine(t *testing.T) {
	before := func(k, m int) (reedsolomon.Encoder, error) {
		return reedsolomon.New(k, m, reedsolomon.WithLeopardGF16(true))
	}
	for _, test := range []struct {
		name string
		k, m int
		data []byte
		want error
	}{
		{"whole way", 10, 4, []byte("some data"), nil},
		{"many shards", 300, 100, bytes.Repeat([]byte("some data"), 1000), nil},
		{"no data shards", 0, 3, nil, reedsolomon.ErrInvShardNum},
		{"too many", 60000, 60000, nil, reedsolomon.ErrMaxShardNum},
		{"no data", 2, 2, nil, reedsolomon.ErrShortData},
	} {
		want, theirs := program(before, test.k, test.m, test.data)
		got, ours := program(newEncoder, test.k, test.m, test.data)
		if !errors.Is(theirs, test.want) || !errors.Is(ours, test.want) || (ours == nil) != (test.want == nil) {
			t.Errorf("%s: error %v, before the change %v; want %v", test.name, ours, theirs, test.want)
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("%s: shard %d is another one after the change", test.name, i)
			}
		}
	}
	for _, shape := range [][2]int{{0, 3}, {3, 0}, {60000, 60000}} {
		if enc, err := rs.NewEncoder(shape[0], shape[1]); enc != nil || err == nil {
			t.Errorf("NewEncoder(%d, %d) = %v, %v; want nil and an error", shape[0], shape[1], enc, err)
		}
		if s, err := newStream(shape[0], shape[1]); s != nil || err == nil {
			t.Errorf("NewStreamEncoder(%d, %d) = %v, %v; want nil and an error", shape[0], shape[1], s, err)
		}
	}
}

// TestStreamErrorTypes asks for the other package's types of errors.
func TestStreamErrorTypes(t *testing.T) {
	broken := errors.New("broken")
	s, err := newStream(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	ok := func() io.Reader { return bytes.NewReader(make([]byte, 64)) }
	var read reedsolomon.StreamReadError
	var write reedsolomon.StreamWriteError
	err = s.Encode([]io.Reader{ok(), iotest.ErrReader(broken)}, []io.Writer{io.Discard})
	if !errors.As(err, &read) || read.Stream != 1 || read.Err != broken {
		t.Errorf("error %v as a StreamReadError is %+v; want one of shard 1, broken", err, read)
	}
	if errors.As(err, &write) {
		t.Errorf("error %v is a StreamWriteError, too", err)
	}
	r, w := io.Pipe()
	r.CloseWithError(broken)
	err = s.Encode([]io.Reader{ok(), ok()}, []io.Writer{w})
	if !errors.As(err, &write) || write.Stream != 0 || write.Err != broken {
		t.Errorf("error %v as a StreamWriteError is %+v; want one of shard 0, broken", err, write)
	}
}

// TestLowLevel holds package gf against the functions that it stands in for.
func TestLowLevel(t *testing.T) {
	var low reedsolomon.LowLevel
	e, err := gf.NewEngine("")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1 << 16 {
		a, b := uint16(i), uint16(i*i+7*i+3)
		if got, want := gf.Mul(gf.Elem(a), gf.Elem(b)), low.GF16Mul(a, b); uint16(got) != want {
			t.Fatalf("Mul(%d, %d) = %d, want %d", a, b, got, want)
		}
	}
	in, got := make([]byte, 192), make([]byte, 192)
	for i := range in {
		in[i], got[i] = byte(i*i+3), byte(7*i)
	}
	want := bytes.Clone(got)
	e.MulAdd(got, in, 12345)
	low.GF16MulSliceXor(12345, in, want)
	if !bytes.Equal(got, want) {
		t.Error("MulAdd differs from GF16MulSliceXor")
	}
}
