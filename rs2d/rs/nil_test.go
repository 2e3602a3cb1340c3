package rs

import (
	"bytes"
	"io"
	"testing"

	"github.com/redstuff-go/redstuff/internal/nilargs"
)

func TestNil(t *testing.T) {
	c, err := New(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewStream(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	shards := makeShards(3, 64)
	list := func() []io.Reader { return readers(shards)[:2] }
	nilargs.Check(t, ".", []nilargs.Call{
		{Name: "AllocAligned", Func: AllocAligned, Args: []any{3, 64}},
		{Name: "New", Func: New, Args: []any{2, 1, WithVariant(RS2)}},
		{Name: "NewEncoder", Func: NewEncoder, Args: []any{2, 1, WithVariant(RS2)}},
		{Name: "NewStream", Func: NewStream, Args: []any{2, 1, WithVariant(RS2)}},
		{Name: "NewStreamEncoder", Func: NewStreamEncoder, Args: []any{2, 1, WithVariant(RS2)}},
		{Name: "WithBackend", Func: WithBackend, Args: []any{"generic"}},
		{Name: "WithConcurrentStreamReads", Func: WithConcurrentStreamReads, Args: []any{true}},
		{Name: "WithConcurrentStreamWrites", Func: WithConcurrentStreamWrites, Args: []any{true}},
		{Name: "WithStreamBlockSize", Func: WithStreamBlockSize, Args: []any{64}},
		{Name: "WithVariant", Func: WithVariant, Args: []any{RS2}},
		{Name: "WithWorkers", Func: WithWorkers, Args: []any{1}},
		{Name: "Codec.AllocAligned", Func: c.AllocAligned, Args: []any{64}},
		{Name: "Codec.DecodeIdx", Func: c.DecodeIdx, Args: []any{[][]byte{shards[0], nil, nil}, []bool{false, true, true}, [][]byte{nil, shards[1], nil}}},
		{Name: "Codec.Encode", Func: c.Encode, Args: []any{shards}},
		{Name: "Codec.EncodeIdx", Func: c.EncodeIdx, Args: []any{shards[0], 0, shards[2:]}},
		{Name: "Codec.Join", Func: c.Join, Args: []any{new(bytes.Buffer), shards, 3}},
		{Name: "Codec.Reconstruct", Func: c.Reconstruct, Args: []any{shards}},
		{Name: "Codec.ReconstructData", Func: c.ReconstructData, Args: []any{shards}},
		{Name: "Codec.ReconstructSome", Func: c.ReconstructSome, Args: []any{shards, []bool{true, true, true}}},
		{Name: "Codec.Shard", Func: c.Shard, Args: []any{make([]byte, 64), shards, 1}},
		{Name: "Codec.Split", Func: c.Split, Args: []any{[]byte{1}}},
		{Name: "Codec.Update", Func: c.Update, Args: []any{shards, [][]byte{make([]byte, 64), nil}}},
		{Name: "Codec.Verify", Func: c.Verify, Args: []any{shards}},
		{Name: "LimitError.Is", Func: new(LimitError).Is, Args: []any{ErrInput}, Fine: []int{0}},
		{Name: "OverlapError.Is", Func: new(OverlapError).Is, Args: []any{ErrInput}, Fine: []int{0}},
		{Name: "SizeError.Is", Func: new(SizeError).Is, Args: []any{ErrInput}, Fine: []int{0}},
		{Name: "Stream.Encode", Func: s.Encode, Args: []any{list(), []io.Writer{io.Discard}}},
		{Name: "Stream.Join", Func: s.Join, Args: []any{io.Discard, list(), int64(0)}},
		{Name: "Stream.Reconstruct", Func: s.Reconstruct, Args: []any{readers(shards), make([]io.Writer, 3)}},
		{Name: "Stream.Split", Func: s.Split, Args: []any{bytes.NewReader([]byte{1}), []io.Writer{io.Discard, io.Discard}, int64(1)}},
		{Name: "Stream.Verify", Func: s.Verify, Args: []any{readers(shards)}},
		{Name: "StreamReadError.As", Func: StreamReadError{}.As, Args: []any{new(StreamReadError)}, Fine: []int{0}},
		{Name: "StreamSizeError.Is", Func: new(StreamSizeError).Is, Args: []any{ErrInput}, Fine: []int{0}},
		{Name: "StreamWriteError.As", Func: StreamWriteError{}.As, Args: []any{new(StreamWriteError)}, Fine: []int{0}},
	})
}
