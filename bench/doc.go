// Package bench measures RedStuff beside its peers on the same bytes, in one
// process: klauspost/reedsolomon (Leopard over GF(2^16)), celestiaorg/rsmt2d,
// zeebo/blake3 and golang.org/x/crypto/blake2b.
//
// Its benchmarks are named in keys and values, so that benchstat pairs them:
//
//	go test -bench 'Encode1D/shape=667\+333' -count 6 ./bench | benchstat -col /codec -
//
// Its tests check that where two engines are compared they compute the same. The
// command bench/cmd/report runs a selection that takes some minutes, and writes
// tables and charts.
package bench
