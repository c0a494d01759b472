package models

// llamaFiles are llama.cpp's libraries: one for each kind of processor, of which
// llama.cpp loads the best that runs.
func llamaFiles(goarch string) []File {
	if goarch == "arm64" {
		return []File{
			{Name: "libggml-base.so", Inside: "package/bins/linux-arm64/libggml-base.so", Size: 952_096, SHA256: "ef8a2f781f9fccc99a744166529e20f48ea4c850e35fbb38d88762691fea1da6"},
			{Name: "libggml-cpu-armv8.0_1.so", Inside: "package/bins/linux-arm64/libggml-cpu-armv8.0_1.so", Size: 984_904, SHA256: "016d2bd41948f4989df8c06a1cb1f6a3ed5a2ead811bd95a4511a842260f2365"},
			{Name: "libggml-cpu-armv8.2_1.so", Inside: "package/bins/linux-arm64/libggml-cpu-armv8.2_1.so", Size: 1_018_920, SHA256: "8539c4995e56237e5b43d2147bfabe0fabb21e55cb93d2f3ef55796c819f2d0d"},
			{Name: "libggml-cpu-armv8.2_2.so", Inside: "package/bins/linux-arm64/libggml-cpu-armv8.2_2.so", Size: 1_023_016, SHA256: "fe0312b22078d8215582ca9deb76d595257700a5d0c4cfc43a9a6ee93d828937"},
			{Name: "libggml-cpu-armv8.2_3.so", Inside: "package/bins/linux-arm64/libggml-cpu-armv8.2_3.so", Size: 1_018_792, SHA256: "0b5714435030b1a48b5dfae3484c1c592c7f95925444c1799f4a753046e6dbb3"},
			{Name: "libggml-cpu-armv8.6_1.so", Inside: "package/bins/linux-arm64/libggml-cpu-armv8.6_1.so", Size: 1_039_496, SHA256: "0fdfbb750748b9502cb5e90ff822415b30390de0b9c527c929087f36548d265e"},
			{Name: "libggml-cpu-armv8.6_2.so", Inside: "package/bins/linux-arm64/libggml-cpu-armv8.6_2.so", Size: 1_039_496, SHA256: "5179873d30a2e55db5d8bb20e3c28d32c0a170fbac237cebcbc2f77b477c8946"},
			{Name: "libggml-cpu-armv9.2_1.so", Inside: "package/bins/linux-arm64/libggml-cpu-armv9.2_1.so", Size: 1_039_496, SHA256: "98d963eee3db588a9531617588edb077c8f1cdca5ae6d974f0b3324ea1c290ab"},
			{Name: "libggml-cpu-armv9.2_2.so", Inside: "package/bins/linux-arm64/libggml-cpu-armv9.2_2.so", Size: 1_039_496, SHA256: "6cb2f7dcac85d7b1ea939354072495a16910d5509c3accd5caa1aab1df6d33f7"},
			{Name: "libggml.v0.5.0.so", Inside: "package/bins/linux-arm64/libggml.v0.5.0.so", Size: 50_880, SHA256: "c1c7b0c0d2d67863c7e0544dd7190bf0f0897c87ae3002efca5817bdda9b9b85"},
			{ID: IDLlama, Name: "libllama.v0.5.0.so", Inside: "package/bins/linux-arm64/libllama.v0.5.0.so", Size: 4_212_712, SHA256: "ba559136061c8ca89df13d86937fa4214100583fb4d734ab2a6ebe2a149be993"},
			{Name: "LICENSE", Inside: "package/LICENSE", Size: 1_065, SHA256: "c34e5ffca98ede216da5157cff6df2ee6762a48d3391797edb6593df24849501"},
		}
	}
	return []File{
		{Name: "libggml-base.so", Inside: "package/bins/linux-x64/libggml-base.so", Size: 919_560, SHA256: "6c342c8aeb20cb31a18099d6f79de4de6703814d1cfd5c4d754a8643087e486e"},
		{Name: "libggml-cpu-alderlake.so", Inside: "package/bins/linux-x64/libggml-cpu-alderlake.so", Size: 1_224_328, SHA256: "6527efda35405a0d91574aced4a7766db9bb0494ab6458c83fe9eba755eb76f7"},
		{Name: "libggml-cpu-cannonlake.so", Inside: "package/bins/linux-x64/libggml-cpu-cannonlake.so", Size: 1_369_312, SHA256: "44285a67a31a81a036a70c565d391b31145d835044c03c76cfaa2f90a9d57d42"},
		{Name: "libggml-cpu-cascadelake.so", Inside: "package/bins/linux-x64/libggml-cpu-cascadelake.so", Size: 1_369_312, SHA256: "97cace813fbf7b7a07c4793f6a75b8b2d3de256430620f0be4a15bd4372468ea"},
		{Name: "libggml-cpu-cooperlake.so", Inside: "package/bins/linux-x64/libggml-cpu-cooperlake.so", Size: 1_365_288, SHA256: "5eda284fd8986d550e21623b269dd31d02c07fc70121d3099609d5dde6b6847e"},
		{Name: "libggml-cpu-haswell.so", Inside: "package/bins/linux-x64/libggml-cpu-haswell.so", Size: 1_228_424, SHA256: "ddaa96012769f0e86e8670cca374243751880bea2c2d0a4413b3a1b7a29dca74"},
		{Name: "libggml-cpu-icelake.so", Inside: "package/bins/linux-x64/libggml-cpu-icelake.so", Size: 1_369_312, SHA256: "9b9c24aaa775fd38a6e1ff082549e50d4138d29f2e2883630b28ab70704ed896"},
		{Name: "libggml-cpu-ivybridge.so", Inside: "package/bins/linux-x64/libggml-cpu-ivybridge.so", Size: 1_190_120, SHA256: "91b27ab81df92b8429c8e3441a8861014d3aec1424f90885a628fd0d4567532f"},
		{Name: "libggml-cpu-piledriver.so", Inside: "package/bins/linux-x64/libggml-cpu-piledriver.so", Size: 1_186_024, SHA256: "2cb5b2101f5bbefa2416ec7f8b6c6acb177d04f0157989c5d92e4c07750fd3f8"},
		{Name: "libggml-cpu-sandybridge.so", Inside: "package/bins/linux-x64/libggml-cpu-sandybridge.so", Size: 1_180_808, SHA256: "bce17565033835dfb59fae2ed712d4c35e56463c2d49ea61ca08e6e2908bdfd6"},
		{Name: "libggml-cpu-sapphirerapids.so", Inside: "package/bins/linux-x64/libggml-cpu-sapphirerapids.so", Size: 1_669_760, SHA256: "e3d4840632b2242655e1721c6b93ec0370406dded9074accfe90bcfb67bd30b8"},
		{Name: "libggml-cpu-skylakex.so", Inside: "package/bins/linux-x64/libggml-cpu-skylakex.so", Size: 1_369_312, SHA256: "df30b40a957175cd8e462e8838632dc51e3be7570b27b9526cb7a044263aeab3"},
		{Name: "libggml-cpu-sse42.so", Inside: "package/bins/linux-x64/libggml-cpu-sse42.so", Size: 981_608, SHA256: "ec65053445506965db5dd9382d7ede084ba639edc55f77aaf73581c778969e02"},
		{Name: "libggml-cpu-x64.so", Inside: "package/bins/linux-x64/libggml-cpu-x64.so", Size: 977_688, SHA256: "1174c3c3e0b8722313df561d7ef5ece516a070732cec9b8ddda3667c0b959728"},
		{Name: "libggml-cpu-zen4.so", Inside: "package/bins/linux-x64/libggml-cpu-zen4.so", Size: 1_365_288, SHA256: "d84208de33fdadb8921a1a1a34342f5eceb1e58b83648be68050f7557312bd3e"},
		{Name: "libggml.v0.5.0.so", Inside: "package/bins/linux-x64/libggml.v0.5.0.so", Size: 55_184, SHA256: "41cd5e6ad78b9f0af31a6f80d637d3168e75ff84db14c495de4d3d9c95607444"},
		{ID: IDLlama, Name: "libllama.v0.5.0.so", Inside: "package/bins/linux-x64/libllama.v0.5.0.so", Size: 4_620_496, SHA256: "2ecd1d85f68456573a664106a9039366b88231579fd65d9669c9a6ab41374fd4"},
		{Name: "LICENSE", Inside: "package/LICENSE", Size: 1_065, SHA256: "c34e5ffca98ede216da5157cff6df2ee6762a48d3391797edb6593df24849501"},
	}
}

// espeakFiles are espeak-ng and its data for the languages that sori asks for.
func espeakFiles() []File {
	return []File{
		{ID: IDEspeak, Name: "libespeak-ng.so", Inside: "espeakng_loader/libespeak-ng.so", Size: 661_568, SHA256: "b15ce0803b26254e8a0d088c6b9281a2637b2b02613147cc320cfdefaf2c3ccf"},
		{Name: "espeak-ng-data/phondata", Inside: "espeakng_loader/espeak-ng-data/phondata", Size: 554_740, SHA256: "a0b643b155cb6b12628d9e7865b57d9fca0d35844614f2594a5e009c80c80bb4"},
		{Name: "espeak-ng-data/phonindex", Inside: "espeakng_loader/espeak-ng-data/phonindex", Size: 43_316, SHA256: "384e5fa6f714ba5356c58008249b78699c31c1ad044b243068d263fb806b7d73"},
		{Name: "espeak-ng-data/phontab", Inside: "espeakng_loader/espeak-ng-data/phontab", Size: 58_652, SHA256: "1b40690667e1e9aa1ba5e5234773c799e7e72ea751426e5150423d53c3f24fa2"},
		{Name: "espeak-ng-data/intonations", Inside: "espeakng_loader/espeak-ng-data/intonations", Size: 2_312, SHA256: "031a105bf6bb2ebcd73a2c579ccfb42469b27266db0078af65ae298fd3588b21"},
		{Name: "espeak-ng-data/en_dict", Inside: "espeakng_loader/espeak-ng-data/en_dict", Size: 168_204, SHA256: "1053f74a34af38abb6fbd64b7838dacbc655a687c48ce1bb663d364a127b05de"},
		{Name: "espeak-ng-data/ko_dict", Inside: "espeakng_loader/espeak-ng-data/ko_dict", Size: 47_523, SHA256: "7a338aedfd7f9c095e5df580bed5ee7c6ec73402b2a45881a23e2a30f2af64af"},
		{Name: "espeak-ng-data/de_dict", Inside: "espeakng_loader/espeak-ng-data/de_dict", Size: 69_277, SHA256: "755d9cab00305b04c074141990ef0339191835de746dfa074936e194f3a5ad54"},
		{Name: "espeak-ng-data/es_dict", Inside: "espeakng_loader/espeak-ng-data/es_dict", Size: 49_285, SHA256: "e7c6347e407d5c14f283eeada18b86c6d560b03b62f53659473109bbff096757"},
		{Name: "espeak-ng-data/fr_dict", Inside: "espeakng_loader/espeak-ng-data/fr_dict", Size: 63_727, SHA256: "e399ab924c4d10beef1fc310b30ea56e4ddfd8b4b64b8ed978e9c65394d49b2d"},
		{Name: "espeak-ng-data/it_dict", Inside: "espeakng_loader/espeak-ng-data/it_dict", Size: 154_408, SHA256: "7ce5b6b4e2ee251516708584267a413a3c02b2fa07cb527a2eb421fbbb3b12cf"},
		{Name: "espeak-ng-data/pt_dict", Inside: "espeakng_loader/espeak-ng-data/pt_dict", Size: 76_389, SHA256: "94c689153e12e9c5e0ecbf60518a93ebb2ea0fbe805c63d97fa84c43331424e9"},
		{Name: "espeak-ng-data/nl_dict", Inside: "espeakng_loader/espeak-ng-data/nl_dict", Size: 65_396, SHA256: "f9f270a7b6204f322d9b7943460fe310fe7bc918dd5d4bc1acac8db28fa902d1"},
		{Name: "espeak-ng-data/lang/gmw/en-US", Inside: "espeakng_loader/espeak-ng-data/lang/gmw/en-US", Size: 257, SHA256: "41534c2a22df5dd4f1052ff9e1a33a3ea7bff5a26b5c02bdad5ba8ddb7524704"},
		{Name: "espeak-ng-data/lang/gmw/en", Inside: "espeakng_loader/espeak-ng-data/lang/gmw/en", Size: 140, SHA256: "4605d5330801de3641c6e366d15f129ea1f5ffbce8722642aba01ace07ab9c83"},
		{Name: "espeak-ng-data/lang/ko", Inside: "espeakng_loader/espeak-ng-data/lang/ko", Size: 51, SHA256: "c2dfbf88d9aa2ac9bf2f30e92e260120e4f2c21123a02265014ae98d59d5774e"},
		{Name: "espeak-ng-data/lang/gmw/de", Inside: "espeakng_loader/espeak-ng-data/lang/gmw/de", Size: 42, SHA256: "f3cca92f94b70f8c25a29ee0a4c9ce4c7f1022241532e0647fa2b7f698bf104e"},
		{Name: "espeak-ng-data/lang/roa/es", Inside: "espeakng_loader/espeak-ng-data/lang/roa/es", Size: 63, SHA256: "966aa015ea5646d79f0ca4807cf5da7339aabd3782b55cfa5eb0d8c3fc8fc588"},
		{Name: "espeak-ng-data/lang/roa/fr", Inside: "espeakng_loader/espeak-ng-data/lang/roa/fr", Size: 79, SHA256: "95f44834b48c075dad13eace54d2c98ff79b81aa0074dd67eebaf66c2909eef8"},
		{Name: "espeak-ng-data/lang/roa/it", Inside: "espeakng_loader/espeak-ng-data/lang/roa/it", Size: 109, SHA256: "0d9069eb9a96db1c55c131b2bb7d1f5255c68fbddc2199ffd3295b52519a3256"},
		{Name: "espeak-ng-data/lang/roa/pt", Inside: "espeakng_loader/espeak-ng-data/lang/roa/pt", Size: 95, SHA256: "a44060072f790e41912c57b7d52f7b6438c4383e0dabdb052f6fdb7aacc23493"},
		{Name: "espeak-ng-data/lang/roa/pt-BR", Inside: "espeakng_loader/espeak-ng-data/lang/roa/pt-BR", Size: 109, SHA256: "84dd4e34c970fadbe32211eadecfdfaab52432479c0911e43300da88a33398ba"},
		{Name: "espeak-ng-data/lang/gmw/nl", Inside: "espeakng_loader/espeak-ng-data/lang/gmw/nl", Size: 23, SHA256: "56ae04fae28ae9371ed6db28193189e4ee962ba8236f0bcdeef6a06ea4dee374"},
	}
}
