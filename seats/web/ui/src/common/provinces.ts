// The 34 province-level divisions and "unknown": code → [Chinese, English].
export const provinces: Readonly<Record<string, readonly [string, string]>> = {
  beijing: ["北京", "Beijing"], tianjin: ["天津", "Tianjin"], hebei: ["河北", "Hebei"], shanxi: ["山西", "Shanxi"],
  neimenggu: ["内蒙古", "Inner Mongolia"], liaoning: ["辽宁", "Liaoning"], jilin: ["吉林", "Jilin"],
  heilongjiang: ["黑龙江", "Heilongjiang"], shanghai: ["上海", "Shanghai"], jiangsu: ["江苏", "Jiangsu"],
  zhejiang: ["浙江", "Zhejiang"], anhui: ["安徽", "Anhui"], fujian: ["福建", "Fujian"], jiangxi: ["江西", "Jiangxi"],
  shandong: ["山东", "Shandong"], henan: ["河南", "Henan"], hubei: ["湖北", "Hubei"], hunan: ["湖南", "Hunan"],
  guangdong: ["广东", "Guangdong"], guangxi: ["广西", "Guangxi"], hainan: ["海南", "Hainan"],
  chongqing: ["重庆", "Chongqing"], sichuan: ["四川", "Sichuan"], guizhou: ["贵州", "Guizhou"],
  yunnan: ["云南", "Yunnan"], xizang: ["西藏", "Tibet"], shaanxi: ["陕西", "Shaanxi"], gansu: ["甘肃", "Gansu"],
  qinghai: ["青海", "Qinghai"], ningxia: ["宁夏", "Ningxia"], xinjiang: ["新疆", "Xinjiang"],
  taiwan: ["台湾", "Taiwan"], hongkong: ["香港", "Hong Kong"], macau: ["澳门", "Macao"],
  unknown: ["未知", "Unknown"],
};

/** Chinese and English name of a province code; the code itself when it is none of ours. */
export function provinceNames(code: string): readonly [string, string] {
  return Object.hasOwn(provinces, code) ? provinces[code]! : [code, ""];
}
