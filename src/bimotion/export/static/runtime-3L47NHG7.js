/*! bimotion, Apache-2.0, with ONNX Runtime Web, MIT (NOTICE.txt). Built from web/ by `npm ci && npm run build`; do not edit.
<<<<<<<< HEAD:src/bimotion/export/static/runtime-3L47NHG7.js
sources sha256: 879117b1f6c4dc32a2d39c8d9c9c35daf9802e95b4fd85d65718ab1b8184445b */
========
sources sha256: 15cadb8721b008f7d43d68b5945e50971116bf6ba4f3cf38652904d43b0ac6fa */
>>>>>>>> 25da578 (Export: refuses networks that it does not describe; the page is tested in a browser):src/bimotion/export/static/runtime-73HVX6IA.js
var d=(a=>typeof require<"u"?require:typeof Proxy<"u"?new Proxy(a,{get:(b,c)=>(typeof require<"u"?require:b)[c]}):a)(function(a){if(typeof require<"u")return require.apply(this,arguments);throw Error('Dynamic require of "'+a+'" is not supported')});export{d as a};
