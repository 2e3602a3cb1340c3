package ceiling

var loops = []loop{
	{"avx2", "load", 32, "avx2", loadAVX2},
	{"avx2", "store", 32, "avx2", storeAVX2},
	{"avx2", "shuffle", 32, "avx2", shuffleAVX2},
	{"avx2", "affine", 32, "avx2+gfni", affineAVX2},
	{"avx512", "load", 64, "avx512", loadAVX512},
	{"avx512", "store", 64, "avx512", storeAVX512},
	{"avx512", "shuffle", 64, "avx512", shuffleAVX512},
	{"avx512", "affine", 64, "avx512+gfni", affineAVX512},
}
