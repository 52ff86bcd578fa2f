/// The style of all pages: 8 kB at most. Colours of lines are those of Okabe & Ito 2008, told apart by colour-blind eyes.
enum PageStyle {
    /// What a browser shows beside the title.
    static let icon = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0072b2"/>\
        <path d="M3 12V9m3 3V6m3 6V8m3 4V3" stroke="#fff" stroke-width="2"/></svg>
        """

    static let css = """
        :root{color-scheme:light dark;--fg:#1b1f24;--dim:#59636e;--bg:#fff;--soft:#f4f5f7;--rule:#d8dde3;--link:#0a5cad;\
        --good:#0b6b3a;--bad:#b3261e;--c0:#0072b2;--c1:#c04f00;--c2:#007a5a;--c3:#a9528a;--c4:#8a6100;--c5:#2f7fb0;--c6:#666;\
        --heat:0,114,178}
        @media(prefers-color-scheme:dark){:root{--fg:#e4e7eb;--dim:#9aa4af;--bg:#14171a;--soft:#1d2126;--rule:#363d45;\
        --link:#7cb8f2;--good:#6fcf97;--bad:#ff8a80;--c0:#56b4e9;--c1:#ff9e5e;--c2:#35c79b;--c3:#e79ac8;--c4:#e6b422;\
        --c5:#9ad0f5;--c6:#aaa;--heat:86,180,233}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.45 system-ui,sans-serif}
        a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
        :focus-visible{outline:2px solid var(--link);outline-offset:2px}
        .skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--bg);padding:.3rem}
        header,main,footer{max-width:76rem;margin:0 auto;padding:0 1.25rem}
        header{padding-top:.7rem;padding-bottom:.7rem}
        nav{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;align-items:baseline}
        nav .file{font-weight:600;overflow-wrap:anywhere;color:var(--fg)}
        nav [aria-current]{color:var(--fg);font-weight:600}
        header{border-bottom:1px solid var(--rule);max-width:none}header nav{max-width:73.5rem;margin:0 auto}
        footer{color:var(--dim);font-size:.85rem;padding:2rem 1.25rem 1.5rem}
        h1{font-size:1.45rem;line-height:1.25;margin:1.1rem 0 .2rem;overflow-wrap:anywhere}
        h2{font-size:1.02rem;margin:1.8rem 0 .5rem}
        h1 small,h2 small{font-weight:400;color:var(--dim);font-size:.85rem}
        .crumbs{color:var(--dim);margin:.9rem 0 -.6rem;font-size:.9rem;overflow-wrap:anywhere}
        .answer{font-size:1.08rem;margin:.2rem 0 1rem;max-width:62rem;overflow-wrap:anywhere}
        .dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad);font-weight:600}
        .scroll{overflow-x:auto;max-width:100%}
        table{border-collapse:collapse;font-size:.92rem}
        th,td{padding:.26rem .7rem .26rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
        th{color:var(--dim);font-weight:500;white-space:nowrap}
        th button{all:unset;cursor:pointer}th button:hover{color:var(--fg)}th button:focus-visible{outline:2px solid var(--link)}
        td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;padding-left:.4rem}
        td.w{min-width:9rem;max-width:26rem;overflow-wrap:anywhere}td.w:empty{min-width:0}td.p{min-width:13rem}td.nw{white-space:nowrap}
        tbody tr:hover{background:var(--soft)}
        td.i1{padding-left:1.1rem}td.i2{padding-left:2.2rem}td.i3{padding-left:3.3rem}td.i4{padding-left:4.4rem}\
        td.i5{padding-left:5.5rem}td.i6{padding-left:6.6rem}td.i7{padding-left:7.7rem}td.i8{padding-left:8.8rem}
        tr.now td:first-child{box-shadow:-4px 0 0 var(--c0)}
        code,.mono{font:.92em ui-monospace,monospace}
        .path{font-family:ui-monospace,monospace;font-size:.94em;overflow-wrap:anywhere}h1 .path{font-size:.95em}
        .tag{display:inline-block;background:var(--soft);border:1px solid var(--rule);border-radius:3px;padding:0 .35rem;\
        font-size:.84rem;max-width:100%;overflow-wrap:anywhere}
        dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1.1rem;margin:.4rem 0}
        dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
        .cols{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:0 2.2rem}
        .cols>*{min-width:0}
        .chips{display:flex;flex-wrap:wrap;gap:.3rem .9rem;margin:.4rem 0}
        .chips [aria-current]{color:var(--fg);font-weight:600}
        form{display:flex;flex-wrap:wrap;gap:.4rem;margin:.5rem 0;align-items:center}
        input{font:inherit;color:inherit;background:var(--bg);border:1px solid var(--dim);border-radius:3px;padding:.22rem .45rem;\
        max-width:100%}
        input[type=text],input[type=search]{width:min(26rem,100%)}
        button{font:inherit;color:inherit;background:var(--soft);border:1px solid var(--dim);border-radius:3px;padding:.2rem .7rem}
        figure{margin:.4rem 0 1rem;position:relative}figcaption{font-size:.88rem;color:var(--dim)}
        svg{display:block;max-width:100%;height:auto}
        svg text{fill:var(--dim);font:12px system-ui,sans-serif}
        .grid path{stroke:var(--rule);fill:none}
        .plot{width:100%;min-width:30rem;max-width:58rem}figure{overflow-x:auto}.cells{max-width:23rem}
        polyline{fill:none;stroke-width:1.7;stroke-linejoin:round}
        polygon{stroke:none;opacity:.22}
        .m{fill:none;stroke:var(--fg);stroke-width:1.6}
        .s0,.k0{stroke:var(--c0)}.b0,.d0{fill:var(--c0)}.s1,.k1{stroke:var(--c1)}.b1,.d1{fill:var(--c1)}.s2,.k2{stroke:var(--c2)}\
        .b2,.d2{fill:var(--c2)}.s3,.k3{stroke:var(--c3)}.b3,.d3{fill:var(--c3)}.s4,.k4{stroke:var(--c4)}.b4,.d4{fill:var(--c4)}\
        .s5,.k5{stroke:var(--c5)}.b5,.d5{fill:var(--c5)}.s6,.k6{stroke:var(--c6)}.b6,.d6{fill:var(--c6)}
        .key{display:inline-block;width:1.5rem;height:.7rem;vertical-align:baseline}.key path{stroke-width:3}
        .spark{width:6.5rem;min-width:6.5rem;height:1.15rem;display:inline-block;vertical-align:middle}
        .spark path{fill:none;stroke:var(--c0);stroke-width:1.5}.spark circle{fill:var(--bad)}
        .bar{width:5rem;min-width:5rem;height:.75rem;display:inline-block;vertical-align:middle}.bar rect{fill:var(--c0)}
        .bar .bad{fill:var(--bad)}
        .hist{max-width:30rem}.hist rect{fill:var(--c0)}
        .h0{background:rgba(var(--heat),0)}.h1{background:rgba(var(--heat),.07)}.h2{background:rgba(var(--heat),.14)}\
        .h3{background:rgba(var(--heat),.21)}.h4{background:rgba(var(--heat),.28)}.h5{background:rgba(var(--heat),.35)}\
        .h6{background:rgba(var(--heat),.42)}.h7{background:rgba(var(--heat),.49)}
        td[class*=" h"]{padding-right:.7rem;border-left:1px solid var(--bg);border-right:1px solid var(--bg)}
        .cells rect{fill:rgb(var(--heat))}.cells .bad{fill:var(--bad)}.cells .out{fill:none;stroke:var(--rule)}
        .tiles rect{fill:var(--soft);stroke:var(--dim)}.tiles .own{fill:rgba(var(--heat),.35)}.tiles text{fill:var(--fg)}
        .tree rect{fill:var(--soft);stroke:var(--dim)}.tree .now rect{stroke:var(--c0);stroke-width:2.5}
        .tree path{fill:none;stroke:var(--dim)}.tree text{fill:var(--fg)}.tree .sub{fill:var(--dim)}
        .read{position:absolute;top:0;right:0;background:var(--bg);border:1px solid var(--rule);padding:.1rem .5rem;\
        font-size:.85rem;font-variant-numeric:tabular-nums;pointer-events:none}
        .rule{stroke:var(--dim);stroke-dasharray:2 3}
        .note{border-left:3px solid var(--rule);padding-left:.8rem;margin:.5rem 0;overflow-wrap:anywhere}
        pre{white-space:pre-wrap;overflow-wrap:anywhere}
        @media(max-width:40rem){body{font-size:14px}th,td{padding-right:.5rem}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.4rem}}
        @media print{header,.skip,form,.live{display:none}main{max-width:none}a{color:inherit}tbody tr{break-inside:avoid}}
        """
}
