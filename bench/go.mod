module github.com/redstuff-go/redstuff/bench

go 1.25.0

require (
	github.com/alecthomas/kong v1.16.1
	github.com/celestiaorg/rsmt2d v0.15.1
	github.com/google/pprof v0.0.0-20260906184651-6331bc6350fe
	github.com/klauspost/reedsolomon v1.14.2
	github.com/redstuff-go/redstuff v0.0.0
	github.com/redstuff-go/redstuff/compat v0.0.0
	github.com/zeebo/blake3 v0.2.4
	golang.org/x/crypto v0.48.0
	gonum.org/v1/plot v0.17.0
	pgregory.net/rapid v1.3.0
)

require (
	codeberg.org/go-fonts/liberation v0.5.0 // indirect
	codeberg.org/go-latex/latex v0.2.0 // indirect
	codeberg.org/go-pdf/fpdf v0.11.1 // indirect
	git.sr.ht/~sbinet/gg v0.7.0 // indirect
	github.com/ajstarks/svgo v0.0.0-20211024235047-1546f124cd8b // indirect
	github.com/celestiaorg/merkletree v0.0.0-20210714075610-a84dc3ddbbe4 // indirect
	github.com/golang/freetype v0.0.0-20170609003504-e2365dfdc4a0 // indirect
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	golang.org/x/image v0.30.0 // indirect
	golang.org/x/sync v0.19.0 // indirect
	golang.org/x/sys v0.41.0 // indirect
	golang.org/x/text v0.34.0 // indirect
)

replace (
	github.com/redstuff-go/redstuff => ../
	github.com/redstuff-go/redstuff/compat => ../compat
)
