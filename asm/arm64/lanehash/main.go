// Command lanehash writes the arm64 hash kernels of package lanehash, and the Go
// declarations that go with them.
//
// As in asm/lanehash every message of a batch has a lane of the vectors, and the
// lanes left over repeat the last message.
package main

//go:generate go run . -hash blake3 -out ../../../internal/lanehash/blake3_arm64.s
//go:generate go run . -hash blake2b -out ../../../internal/lanehash/blake2b_arm64.s

import (
	"flag"
	"log"

	"github.com/redstuff-go/redstuff/asm/arm64/emit"
)

func main() {
	hash := flag.String("hash", "", "hash to write the kernels of: blake3 or blake2b")
	out := flag.String("out", "", "assembly file to write; the Go file goes beside it")
	flag.Parse()
	f := emit.NewFile("asm/arm64/lanehash", "lanehash")
	switch *hash {
	case "blake3":
		writeBlake3(f)
	case "blake2b":
		writeBlake2b(f)
	default:
		log.Fatalf("no hash is named %q", *hash)
	}
	f.Write(*out)
}
