module github.com/redstuff-go/redstuff/compat

go 1.25.0

require (
	github.com/celestiaorg/rsmt2d v0.15.1
	github.com/klauspost/reedsolomon v1.14.2
	github.com/redstuff-go/redstuff v0.0.0
	pgregory.net/rapid v1.3.0
)

require (
	github.com/celestiaorg/merkletree v0.0.0-20210714075610-a84dc3ddbbe4 // indirect
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	golang.org/x/sync v0.17.0 // indirect
	golang.org/x/sys v0.41.0 // indirect
)

replace github.com/redstuff-go/redstuff => ../
