package rs_test

import (
	"bytes"
	"fmt"
	"io"
	"log"

	"github.com/redstuff-go/redstuff/rs2d/rs"
)

func Example() {
	codec, err := rs.New(300, 100)
	if err != nil {
		log.Fatal(err)
	}
	data := bytes.Repeat([]byte("erasure coding "), 4000)
	shards, err := codec.Split(data)
	if err != nil {
		log.Fatal(err)
	}
	if err := codec.Encode(shards); err != nil {
		log.Fatal(err)
	}

	for i := range 100 { // any hundred may go
		shards[3*i] = nil
	}
	if err := codec.Reconstruct(shards); err != nil {
		log.Fatal(err)
	}
	var joined bytes.Buffer
	if err := codec.Join(&joined, shards, len(data)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(bytes.Equal(joined.Bytes(), data))
	// Output: true
}

// A program that sees the data only once, shard by shard, and never has all of it.
func ExampleCodec_EncodeIdx() {
	codec, err := rs.New(4, 2, rs.WithVariant(rs.RS2))
	if err != nil {
		log.Fatal(err)
	}
	data := [][]byte{[]byte("some"), []byte("data"), []byte("in 4"), []byte("bits")}
	parity := [][]byte{make([]byte, 4), make([]byte, 4)}
	for i, shard := range data {
		if err := codec.EncodeIdx(shard, i, parity); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(codec.Verify(append(data, parity...)))
	// Output: true <nil>
}

// One shard of six changes: only it is needed, as it was and as it is, and the parity.
func ExampleCodec_Update() {
	codec, err := rs.New(4, 2, rs.WithVariant(rs.RS2))
	if err != nil {
		log.Fatal(err)
	}
	shards := [][]byte{[]byte("some"), []byte("data"), []byte("in 4"), []byte("bits"), make([]byte, 4), make([]byte, 4)}
	if err := codec.Encode(shards); err != nil {
		log.Fatal(err)
	}
	old := [][]byte{nil, shards[1], nil, nil, shards[4], shards[5]}
	if err := codec.Update(old, [][]byte{nil, []byte("news"), nil, nil}); err != nil {
		log.Fatal(err)
	}
	shards[1] = []byte("news")
	fmt.Println(codec.Verify(shards))
	// Output: true <nil>
}

// Shards larger than memory: files or connections, in place of these buffers.
func ExampleStream() {
	stream, err := rs.NewStream(3, 2, rs.WithStreamBlockSize(64<<10))
	if err != nil {
		log.Fatal(err)
	}
	files := make([]bytes.Buffer, 5)
	const size = 1_000_000
	data := io.LimitReader(neverEnding('x'), size)
	if err := stream.Split(data, []io.Writer{&files[0], &files[1], &files[2]}, size); err != nil {
		log.Fatal(err)
	}
	open := func(i int) io.Reader { return bytes.NewReader(files[i].Bytes()) }
	if err := stream.Encode([]io.Reader{open(0), open(1), open(2)}, []io.Writer{&files[3], &files[4]}); err != nil {
		log.Fatal(err)
	}
	// Shards 0 and 2 are lost, and 2 is wanted back.
	var restored bytes.Buffer
	valid := []io.Reader{nil, open(1), nil, open(3), open(4)}
	if err := stream.Reconstruct(valid, []io.Writer{nil, nil, &restored, nil, nil}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(bytes.Equal(restored.Bytes(), files[2].Bytes()))
	// Output: true
}

type neverEnding byte

func (b neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}
