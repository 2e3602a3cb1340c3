//go:build !purego

package ceiling

var loops = []loop{
	{"neon", "load", 16, "neon", loadNEON},
	{"neon", "store", 16, "neon", storeNEON},
	{"neon", "shuffle", 16, "neon", shuffleNEON},
}
