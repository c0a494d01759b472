import { chromium } from 'playwright-core'; import { readFileSync } from 'node:fs';
const [,, out, w, h, ...files] = process.argv;
const b = await chromium.launch({ executablePath:'/usr/bin/chromium', args:['--no-sandbox'] });
const p = await b.newPage({ viewport:{ width:Number(w), height:Number(h) } });
await p.setContent('<body style="margin:0;display:flex;flex-wrap:wrap;gap:6px;background:#888">'+files.map(f=>{const [n,width]=f.split('@');return `<img width=${width} src="data:image/png;base64,${readFileSync(n).toString('base64')}">`}).join(''));
await p.screenshot({ path: out }); await b.close();
